#include "framework/quant/plugin.h"

#include <filesystem>
#include <fstream>
#include <string>

#include <catch2/catch.hpp>

#include "framework/core/error.h"

using namespace bitsweep;
using Catch::Matchers::Contains;

namespace {

std::filesystem::path library(const std::string& name) {
  return std::filesystem::path(BITSWEEP_BINARY_DIR) / "lib" / (name + ".so");
}

std::string failure_of(const std::filesystem::path& path) {
  PluginLibraries plugins;
  MethodRegistry registry;
  try {
    plugins.load(path, registry);
  } catch (const PluginError& error) {
    return error.what();
  }
  return "";
}

}  // namespace

TEST_CASE("a plugin's method works like a built-in one", "[plugin]") {
  PluginLibraries plugins;
  MethodRegistry registry;
  const auto path = library("example_plugin");
  plugins.load(path, registry);

  const auto& entry = registry.at("example_plugin");
  CHECK(entry.origin == path.string());
  CHECK(entry.fields.at(0).name == "weight_bits");

  const auto method = entry.make({{"weight_bits", RawValue::scalar("2")}});
  Site site;
  site.name = "fc/weight";
  site.elements = 3;
  const auto quantizer = method->quantizer(site);
  const std::vector<float> w = {0.5f, -2, 1.5f};
  std::vector<float> y(3);
  quantizer->prepare(w);
  quantizer->forward(w, y, {});
  CHECK(y == std::vector<float>{0, -2, 2});  // steps of 2: 0.25, -1 and 0.75 of one
}

TEST_CASE("a plugin is loaded by a relative path as well", "[plugin]") {
  PluginLibraries plugins;
  MethodRegistry registry;
  plugins.load(std::filesystem::relative(library("example_plugin")), registry);
  CHECK(registry.contains("example_plugin"));
}

TEST_CASE("a plugin's mistakes in parameters are found by its schema", "[plugin]") {
  PluginLibraries plugins;
  MethodRegistry registry;
  plugins.load(library("example_plugin"), registry);
  std::vector<ParamProblem> problems;
  registry.at("example_plugin")
      .resolve({{"weight_bits", RawValue::scalar("9")}}, problems);
  REQUIRE(problems.size() == 1);
  CHECK(problems[0].text == "9 is not allowed (2 to 8, or 32 for float)");
}

TEST_CASE("a missing plugin file is named", "[plugin][refusal]") {
  CHECK_THAT(failure_of("no/such.so"), Contains("no/such.so: no such file"));
}

TEST_CASE("a file that is no library is refused with the loader's reason",
          "[plugin][refusal]") {
  const auto path = std::filesystem::temp_directory_path() / "bitsweep_text_file.so";
  std::ofstream(path) << std::string(4096, 'x');
  const auto message = failure_of(path);
  std::filesystem::remove(path);
  CHECK_THAT(message, Contains("cannot be loaded"));
  CHECK_THAT(message, Contains("invalid ELF header"));
}

TEST_CASE("a library that is cut off is refused before it is mapped",
          "[plugin][refusal]") {
  const auto whole = library("example_plugin");
  const auto size = std::filesystem::file_size(whole);
  const auto path = std::filesystem::temp_directory_path() / "bitsweep_cut_off.so";
  for (const std::uintmax_t bytes : {size - 1, size / 2, std::uintmax_t(4096)}) {
    std::filesystem::copy_file(whole, path,
                               std::filesystem::copy_options::overwrite_existing);
    std::filesystem::resize_file(path, bytes);
    CHECK_THAT(failure_of(path),
               Contains("cannot be loaded (cut off: " + std::to_string(bytes) +
                        " bytes, its headers tell of " + std::to_string(size)));
  }
  std::filesystem::resize_file(path, 10);
  CHECK_THAT(failure_of(path), Contains("cannot be loaded (file too short)"));
  std::filesystem::remove(path);
}

TEST_CASE("a library without our symbols is not a plugin", "[plugin][refusal]") {
  CHECK_THAT(failure_of(library("not_a_plugin")),
             Contains("not a bitsweep plugin: it has no 'bitsweep_plugin_abi'"));
  CHECK_THAT(failure_of(library("unregistered")),
             Contains("it has no 'bitsweep_plugin_register'"));
}

TEST_CASE("a plugin of another version says which one, and ours", "[plugin][refusal]") {
  const auto message = failure_of(library("other_abi"));
  CHECK_THAT(message, Contains("built for 'bitsweep-0 3.4.6 i386', this program is '" +
                               std::string(BITSWEEP_PLUGIN_ABI) + "'; rebuild it"));
}

TEST_CASE("a plugin that says no version is refused by name", "[plugin][refusal]") {
  CHECK_THAT(failure_of(library("no_abi")),
             Contains("no_abi.so: does not say what it was built for"));
}

TEST_CASE("a symbol that the program lacks fails at load", "[plugin][refusal]") {
  CHECK_THAT(failure_of(library("unresolved")), Contains("function_of_a_later_version"));
}

TEST_CASE("a plugin cannot take an id that is taken", "[plugin][refusal]") {
  PluginLibraries plugins;
  MethodRegistry registry;
  MethodEntry entry;
  entry.id = "example_plugin";
  registry.add(entry);
  const auto path = library("example_plugin");
  CHECK_THROWS_WITH(plugins.load(path, registry), Contains(path.string()) &&
                                                      Contains("'example_plugin'") &&
                                                      Contains("built-in"));
  CHECK(registry.at("example_plugin").origin == "built-in");
}
