#include <catch2/catch.hpp>

#include "framework/app/method_words.h"
#include "framework/app/quantize_tensor.h"
#include "framework/app/tensor_file.h"
#include "framework/core/error.h"
#include "methods/builtin_methods.h"
#include "tests/app/program_runner.h"
#include "tests/results/scratch_folder.h"

using namespace bitsweep;
using Catch::Matchers::Contains;

namespace {

StoredTensor tensor_of(std::vector<std::int64_t> shape, float value = 1) {
  std::size_t count = 1;
  for (const auto size : shape) count *= std::size_t(size);
  return {std::move(shape), std::vector<float>(count, value)};
}

bool python_has_h5py() {
  return std::system("/usr/bin/python3 -c 'import h5py' 2>/dev/null") == 0;
}

}  // namespace

TEST_CASE("a weight tensor has its output channels first") {
  const Site site = tensor_site(tensor_of({8, 3, 3, 5}), Role::kWeight);
  CHECK(site.channels.channels == 8);
  CHECK(site.channels.inner == 45);
  CHECK(site.fan_in == 45);
  CHECK(site.fan_out == 72);
  CHECK(site.is_convolution);
  CHECK_FALSE(tensor_site(tensor_of({8, 5}), Role::kWeight).is_convolution);
  CHECK(tensor_site(tensor_of({7}), Role::kWeight).channels.channels == 1);
}

TEST_CASE("an activation has its channels last and knows its sign") {
  const Site site = tensor_site(tensor_of({4, 6, 5, 3}), Role::kInput);
  CHECK(site.shape == std::vector<int>{6, 5, 3});
  CHECK(site.elements == 90);
  CHECK(site.channels.channels == 3);
  CHECK(site.channels.inner == 1);
  CHECK_FALSE(site.is_signed);
  CHECK(tensor_site(tensor_of({4, 3}, -1), Role::kInput).is_signed);
}

TEST_CASE("a shape that no layer has is refused") {
  CHECK_THROWS_WITH(tensor_site(tensor_of({2, 2, 2}), Role::kWeight),
                    Contains("[2, 2, 2]") && Contains("[out, kernel, kernel, in]"));
  CHECK_THROWS_AS(tensor_site(tensor_of({1, 1, 1, 1, 1}), Role::kInput), ConfigError);
}

TEST_CASE("parameters from a command line are complete and checked") {
  MethodRegistry methods;
  register_builtin_methods(methods);
  const auto spec = method_from_words("twn", {"group=filter"}, methods);
  CHECK(spec.params.at("group").text() == "filter");
  CHECK(spec.params.at("weight_bits").text() == "2");
  CHECK_THROWS_WITH(method_from_words("twn", {"group=rows", "delta_factr=1"}, methods),
                    Contains("twn: group: ") && Contains("twn: delta_factr: unknown"));
}

// TWN by hand, from its paper: delta is 0.7 times the mean magnitude, the scale the mean
// of those above it.
TEST_CASE("the quantize command ternarizes as NumPy does") {
  if (!python_has_h5py()) {
    WARN("skipped: /usr/bin/python3 has no h5py");
    return;
  }
  const testing::ScratchFolder scratch;
  const auto folder = scratch.path().string();
  const auto python = [&](const std::string& script) {
    return std::system(("cd " + folder + " && /usr/bin/python3 -c \"" +
                        "import h5py, numpy as np\n" + script + "\"")
                           .c_str());
  };
  REQUIRE(python("w = np.random.default_rng(7).normal(size=(4, 3, 3, 2))\n"
                 "h5py.File('x.h5', 'w')['net/w'] = w.astype('f4')") == 0);
  const auto finished = testing::run_program("quantize twn --role weight --in " + folder +
                                             "/x.h5:/net/w --out " + folder +
                                             "/y.h5 --set delta_factor=0.7");
  CAPTURE(finished.err);
  REQUIRE(finished.code == 0);
  CHECK(python("x = h5py.File('x.h5')['net/w'][()]; y = h5py.File('y.h5')\n"
               "delta = 0.7 * np.abs(x).mean()\n"
               "signs = np.sign(x) * (np.abs(x) > delta)\n"
               "scale = np.abs(x)[np.abs(x) > delta].mean()\n"
               "assert y['values'].dtype == 'f4' and y['codes'].dtype == 'i4'\n"
               "np.testing.assert_allclose(y['values'][()], signs * scale, rtol=1e-5)\n"
               "decoded = y['scale'][0] * y['levels'][()][y['codes'][()]]\n"
               "assert (decoded == y['values'][()]).all()\n"
               "assert y.attrs['kind'] == 'levels' and y.attrs['bits'] == 2\n"
               "assert y.attrs['method'] == 'twn' and y.attrs['role'] == 'weight'\n"
               "assert y.attrs['method.delta_factor'] == '0.7'\n") == 0);
}

TEST_CASE("the quantize command writes over no file, over its own tensor's least of all",
          "[refusal]") {
  const testing::ScratchFolder scratch;
  TensorFile file;
  file.tensor("/w", std::vector<float>{1, -2, 3}, {3});
  file.save(scratch / "keep.h5");
  const auto before = testing::file_text((scratch / "keep.h5").string());
  const auto refused = [&](const std::string& out) {
    const auto finished = testing::run_program(
        "quantize twn --role weight --in keep.h5:/w --out " + out,
        "cd " + scratch.path().string() + " && ln -f keep.h5 link.h5 &&");
    CHECK(finished.code == 2);
    return finished.err;
  };
  for (const std::string out : {"./keep.h5", "link.h5", "keep.h5 --force"}) {
    CHECK_THAT(refused(out), Contains("is the file of --in; name another"));
  }
  CHECK(testing::file_text((scratch / "keep.h5").string()) == before);

  std::filesystem::copy(scratch / "keep.h5", scratch / "other.h5");
  CHECK_THAT(refused("other.h5"),
             Contains("'other.h5' is there already") && Contains("--force"));
  CHECK_THAT(refused("no/such/y.h5"), Contains("'no/such' is not a folder"));
  CHECK(testing::run_program("quantize twn --role weight --in keep.h5:/w --force --out "
                             "other.h5",
                             "cd " + scratch.path().string() + " &&")
            .code == 0);
}

TEST_CASE("a method that leaves the tensor in float says so, and what to set") {
  const testing::ScratchFolder scratch;
  TensorFile file;
  file.tensor("/w", std::vector<float>{1, 2, 3}, {3});
  file.save(scratch / "x.h5");
  const auto refused = [&](const std::string& words) {
    const auto finished =
        testing::run_program("quantize " + words + " --in x.h5:/w --out y.h5",
                             "cd " + scratch.path().string() + " &&");
    CHECK(finished.code == 2);
    return finished.err;
  };
  CHECK(refused("float --role weight") ==
        "bitsweep: quantize: 'float' leaves weights in float\n");
  CHECK(refused("twn --role activation") ==
        "bitsweep: quantize: 'twn' leaves activations in float\n");
  CHECK(refused("dorefa --role activation --set activation_bits=32") ==
        "bitsweep: quantize: 'dorefa' leaves activations in float at this width; give "
        "another with --set activation_bits=N\n");
}
