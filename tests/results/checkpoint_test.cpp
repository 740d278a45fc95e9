#include "framework/results/checkpoint.h"

#include <limits>

#include <catch2/catch.hpp>

#include "framework/results/whole_file.h"
#include "tests/results/scratch_folder.h"

using namespace bitsweep;
using bitsweep::testing::ScratchFolder;
using Catch::Matchers::Contains;

namespace {

Checkpoint full_checkpoint() {
  Checkpoint checkpoint;
  checkpoint.digest = std::string(64, 'd');
  checkpoint.build = current_build();
  checkpoint.provenance.started = "2024-05-06T07:08:09Z";
  checkpoint.provenance.seconds = 12.5;
  checkpoint.provenance.continued = 2;
  checkpoint.state["network/conv1/weight"] = std::vector<float>{1, -0.0f, 1e-45f};
  checkpoint.state["curves/train/loss"] = std::vector<double>{0.1 + 0.2, 5e-324};
  checkpoint.state["health/signs"] = std::vector<std::int8_t>{-1, 0, 1};
  checkpoint.state["trainer/step"] = std::vector<std::int64_t>{(1ll << 53) + 1};
  checkpoint.state["run/warnings"] = std::vector<std::string>{"one", "", "größer"};
  checkpoint.state["sites/kept"] = std::vector<float>{};
  return checkpoint;
}

void write(Checkpoint checkpoint, const std::filesystem::path& path) {
  write_checkpoint(
      checkpoint,
      [&](SavedStateVisitor& visitor) { show_state(checkpoint.state, visitor); }, path);
}

}  // namespace

TEST_CASE("a checkpoint is read back exactly") {
  const ScratchFolder folder;
  const Checkpoint written = full_checkpoint();
  write(written, folder / "a.checkpoint");
  const Checkpoint read = read_checkpoint(folder / "a.checkpoint");
  CHECK(read.digest == written.digest);
  CHECK(read.build == written.build);
  CHECK(read.provenance.started == written.provenance.started);
  CHECK(read.provenance.seconds == 12.5);
  CHECK(read.provenance.continued == 2);
  CHECK(read.state == written.state);
  CHECK(folder.entries() == 1);
}

TEST_CASE("a checkpoint that was cut off or changed anywhere is refused by name") {
  const ScratchFolder folder;
  const auto path = folder / "a.checkpoint";
  write(full_checkpoint(), path);
  const auto bytes = read_whole_file(path);
  for (const std::size_t size : {std::size_t{0}, std::size_t{30}, bytes.size() - 1}) {
    write_whole_file(path, bytes.substr(0, size));
    CHECK_THROWS_AS(read_checkpoint(path), DataError);
    CHECK_THROWS_WITH(read_checkpoint(path), Contains("a.checkpoint: "));
  }
  for (std::size_t at = 20; at < bytes.size(); at += 511) {
    auto damaged = bytes;
    damaged[at] = char(damaged[at] ^ 4);
    write_whole_file(path, damaged);
    CHECK_THROWS_AS(read_checkpoint(path), DataError);
  }
}

TEST_CASE("a record is no checkpoint") {
  const ScratchFolder folder;
  write_record({}, folder / "a.checkpoint");
  CHECK_THROWS_WITH(read_checkpoint(folder / "a.checkpoint"),
                    Contains("not a checkpoint of bitsweep"));
  CHECK(is_checkpoint(checkpoint_path("runs", "abc")));
  CHECK_FALSE(is_checkpoint("runs/lenet-abc.h5"));
}
