#include "framework/app/tensor_file.h"

#include <fstream>
#include <limits>

#include <catch2/catch.hpp>

#include "framework/core/error.h"
#include "tests/results/scratch_folder.h"

using namespace bitsweep;
using Catch::Matchers::Contains;
using testing::ScratchFolder;

namespace {

const std::vector<float> kValues = {1, -2.5f, 0, 3e-38f, 5, 6};

std::filesystem::path written(const ScratchFolder& scratch,
                              const std::vector<float>& values) {
  TensorFile file;
  file.tensor("/w", std::span<const float>(values), {2, std::int64_t(values.size()) / 2});
  const std::vector<std::int32_t> codes = {1, 2};
  file.tensor("/codes", std::span<const std::int32_t>(codes), {2});
  file.attribute("method", "twn");
  const auto path = scratch / "x.h5";
  file.save(path);
  return path;
}

}  // namespace

TEST_CASE("a tensor is read as it was written") {
  const ScratchFolder scratch;
  const auto tensor = read_tensor({written(scratch, kValues), "/w"});
  CHECK(tensor.shape == std::vector<std::int64_t>{2, 3});
  CHECK(tensor.values == kValues);
}

TEST_CASE("equal tensors make equal files") {
  const ScratchFolder a, b;
  std::ifstream first(written(a, kValues)), second(written(b, kValues));
  CHECK(std::string(std::istreambuf_iterator<char>(first), {}) ==
        std::string(std::istreambuf_iterator<char>(second), {}));
}

TEST_CASE("a place is a file and a dataset") {
  const auto place = parse_tensor_place("C:/x/w.h5:/conv1/weight");
  CHECK(place.file == "C:/x/w.h5");
  CHECK(place.dataset == "/conv1/weight");
  CHECK_THROWS_AS(parse_tensor_place("w.h5"), ConfigError);
  CHECK_THROWS_AS(parse_tensor_place("w.h5:/"), ConfigError);
  CHECK_THROWS_AS(parse_tensor_place(":/x"), ConfigError);
}

TEST_CASE("what is no finite float tensor is refused by name") {
  const ScratchFolder scratch;
  const auto path = written(scratch, kValues);
  CHECK_THROWS_WITH(read_tensor({path, "/v"}), Contains("x.h5:/v: there is no dataset"));
  CHECK_THROWS_WITH(read_tensor({path, "/codes"}), Contains("floating-point"));
  CHECK_THROWS_AS(read_tensor({scratch / "none.h5", "/w"}), DataError);

  std::ofstream(scratch / "text.h5") << "no HDF5 at all";
  CHECK_THROWS_WITH(read_tensor({scratch / "text.h5", "/w"}),
                    Contains("not a readable HDF5 file"));

  const float infinity = std::numeric_limits<float>::infinity();
  CHECK_THROWS_WITH(read_tensor({written(scratch, {1, infinity}), "/w"}),
                    Contains("element 1 is inf"));
  CHECK_THROWS_WITH(read_tensor({written(scratch, {}), "/w"}), Contains("is empty"));
}

TEST_CASE("a file that cannot be written leaves nothing behind") {
  const ScratchFolder scratch;
  CHECK_THROWS_AS(TensorFile().save(scratch / "no/such/folder.h5"), RunError);
  CHECK(scratch.entries() == 0);
}
