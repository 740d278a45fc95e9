// What `eval` scores a packed model on, and what `export` makes of which file: the real
// program, on drawn images.
#include <filesystem>
#include <fstream>

#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <sys/wait.h>

#include "tests/app/program_runner.h"
#include "tests/results/scratch_folder.h"

using namespace bitsweep;
using Catch::Matchers::Contains;

namespace {

namespace fs = std::filesystem;

// A folder with the record of a tiny run, made once.
class Trained {
 public:
  Trained() {
    std::ofstream(folder_ / "s.yaml") << "name: tiny\n"
                                         "dataset: {id: shapes, validation: 0, "
                                         "train_limit: 20, test_limit: 10}\n"
                                         "network: {id: lenet-300-100}\n"
                                         "training: {epochs: 1, batch_size: 10}\n"
                                         "fine_tuning: none\n"
                                         "rows: [{method: twn}]\n";
    REQUIRE(run("run s.yaml --out out").code == 0);
    for (const auto& entry : fs::recursive_directory_iterator(folder_ / "out")) {
      const std::string name = entry.path().filename().string();
      if (name.ends_with(".h5") && name.find("twn") != name.npos) record_ = entry.path();
    }
    REQUIRE(!record_.empty());
  }

  testing::Finished run(const std::string& words) const {
    const std::string out = (folder_ / "stdout").string();
    const std::string err = (folder_ / "stderr").string();
    const int status = std::system(
        fmt::format("cd {} && {} {} >{} 2>{} </dev/null", folder_.path().string(),
                    BITSWEEP_BINARY_DIR "/bin/bitsweep", words, out, err)
            .c_str());
    return {WEXITSTATUS(status), testing::file_text(out), testing::file_text(err)};
  }
  testing::Finished eval(const std::string& options) const {
    return run("eval " + record_.string() + " --threads 1 " + options);
  }
  fs::path path(const std::string& name) const { return folder_ / name; }
  const fs::path& record() const { return record_; }
  const testing::ScratchFolder& folder() const { return folder_; }

 private:
  testing::ScratchFolder folder_;
  fs::path record_;
};

const Trained& trained() {
  static const Trained once;
  return once;
}

// Grey images in class folders, one each.
void write_images(const fs::path& folder, int classes, int size) {
  for (const std::string part : {"train", "test"}) {
    for (int c = 0; c < classes; ++c) {
      const auto of_class = folder / part / fmt::format("c{}", c);
      fs::create_directories(of_class);
      std::ofstream(of_class / "a.pgm", std::ios::binary)
          << fmt::format("P5 {0} {0} 255\n", size)
          << std::string(std::size_t(size) * std::size_t(size), char(20 * c));
    }
  }
}

}  // namespace

TEST_CASE("a model is scored on images of one's own, named as in a study", "[eval]") {
  write_images(trained().path("mine"), 10, 28);
  std::ofstream(trained().path("mine.yaml"))
      << "dataset: {folder: mine, test_limit: 4}\n";
  const auto by_folder = trained().eval("--data folder=mine --limit 5 --batch 5");
  CAPTURE(by_folder.err);
  CHECK(by_folder.code == 0);
  CHECK_THAT(by_folder.out, Contains(" of 5 images, mine (mine))"));
  CHECK_THAT(by_folder.err, Contains("the model was trained on shapes"));
  CHECK_THAT(trained().eval("--data mine.yaml --batch 4").out, Contains(" of 4 images"));
  CHECK_THAT(trained().eval("--data '{folder: mine, test_limit: 3}'").out,
             Contains(" of 3 images") && Contains("(batch 3, "));
}

TEST_CASE("a record is scored on the images of its table", "[eval]") {
  const auto own = trained().eval("");
  CHECK_THAT(own.out, Contains(" of 10 images, ") &&
                          Contains("; the run's test_limit, --limit 0 scores all)\n"));
  const auto all = trained().eval("--limit 0");
  CHECK_THAT(all.out, Contains(" of 2000 images"));
  CHECK_THAT(all.out, !Contains("test_limit"));
}

TEST_CASE("eval never writes over the file that it reads", "[eval][refusal]") {
  const auto model = trained().record();
  const auto before = fs::file_size(model);
  const auto finished = trained().eval("--limit 5 --force --out " + model.string());
  CHECK(finished.code == 2);
  CHECK_THAT(finished.err, Contains("is what the command reads; name another"));
  CHECK(fs::file_size(model) == before);
}

TEST_CASE("a limit below a batch is the batch", "[eval]") {
  CHECK_THAT(trained().eval("--limit 3").out, Contains("(batch 3, 1 thread)"));
  CHECK_THAT(trained().eval("--limit 3 --explain --simulate").err,
             Contains("leave one out"));
}

TEST_CASE("data that a model cannot be scored on is refused in a sentence",
          "[eval][refusal]") {
  const auto refused = [](const std::string& options) {
    const auto finished = trained().eval(options);
    CAPTURE(options, finished.err);
    CHECK(finished.code == 2);
    CHECK(std::count(finished.err.begin(), finished.err.end(), '\n') == 1);
    return finished.err;
  };
  CHECK_THAT(refused("--data shapes-rgb"),
             Contains("shapes-rgb has images of 32x32x3 in 10 classes; ") &&
                 Contains(" takes 28x28x1 in 10 classes; name other data with --data"));
  write_images(trained().path("few"), 3, 28);
  CHECK_THAT(refused("--data folder=few"), Contains("28x28x1 in 3 classes"));
  CHECK_THAT(refused("--data folder=nowhere"),
             Contains("nowhere") && Contains("is no folder"));
  CHECK_THAT(refused("--data '{foldr: few}'"),
             Contains("--data") && Contains("unknown key; did you mean 'folder'?"));
  CHECK_THAT(refused("--data shape"), Contains("did you mean 'shapes'?"));
  CHECK_THAT(
      trained().run("eval " + trained().record().string() + " --threads 100000").err,
      Contains("--threads 100000: expected 1 to"));
  CHECK_THAT(refused("--batch 0"), Contains("--batch: '0'"));
  CHECK_THAT(refused("--batch 100000"), Contains("there are 10 test images"));
  CHECK_THAT(refused("--out /proc/x"), Contains("cannot be written"));
}

TEST_CASE("export names the file that is no record, and endings that it does not know",
          "[export][refusal]") {
  const auto ending = trained().run("export " + trained().record().string() + " --out " +
                                    trained().path("x.txt").string());
  CHECK(ending.code == 2);
  CHECK_THAT(ending.err, Contains("ends in neither .bsw (packed model) nor .onnx"));
  CHECK_FALSE(fs::exists(trained().path("x.txt")));
  for (const std::string name : {"s.yaml", "broken.h5", "broken.bsw"}) {
    if (!fs::exists(trained().path(name))) std::ofstream(trained().path(name)) << "no";
    const auto other = trained().run("export " + name + " --out x.bsw");
    CAPTURE(name, other.err);
    CHECK(other.code == 2);
    CHECK_THAT(other.err, Contains(name + ": ") && Contains("expected"));
    CHECK_FALSE(fs::exists(trained().path("x.bsw")));
  }
}

TEST_CASE("biases on the sums' grid are codes, and a dialect without effect is said",
          "[export]") {
  const testing::ScratchFolder& folder = trained().folder();
  std::ofstream(folder / "biases.yaml")
      << "name: biases\n"
         "dataset: {id: shapes, validation: 0, train_limit: 20, test_limit: 10}\n"
         "network: {id: lenet-300-100}\n"
         "training: {epochs: 1, batch_size: 10}\n"
         "fine_tuning: none\n"
         "calibration_batches: 2\n"
         "edges: {first: method, last: method, bias: method, image: method}\n"
         "rows:\n"
         "  - method: {id: affine}\n"
         "  - method: {id: affine, rounding: half_up}\n";
  REQUIRE(trained().run("run biases.yaml --out biases").code == 0);
  for (const auto& entry : fs::directory_iterator(folder / "biases/runs")) {
    const std::string record = entry.path().string();
    if (!record.ends_with(".h5") || record.find("affine") == record.npos) continue;
    CAPTURE(record);
    CHECK_THAT(trained().run("inspect " + record).out,
               Contains("|   32 | fixed") && !Contains("|   32 | float"));
    const auto qdq =
        trained().run("export " + record + " --out m.onnx --force --dialect qdq");
    CHECK(qdq.code == 0);
    const bool says =
        qdq.err.find("the file is that of --dialect integer") != qdq.err.npos;
    CHECK(says == (record.find("half-up") != record.npos));
    const bool differs =
        qdq.err.find("it predicts as `bitsweep eval --requantize float`") != qdq.err.npos;
    CHECK(differs != says);
  }
}
