// Datasets of the user's own: folders of images, NPZ and HDF5 files.

#include <cstring>
#include <functional>

#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <hdf5.h>
#include <jpeglib.h>
#include <png.h>
#include <zip.h>

#include "framework/core/error.h"
#include "tests/data/temporary_data.h"

namespace fs = std::filesystem;
using Catch::Matchers::Contains;
using namespace bitsweep;
using namespace bitsweep::test;

namespace {

constexpr int kHeight = 4, kWidth = 3;

// Grey or colour pixels that tell images apart.
Bytes pixels_of(int number, int channels = 1) {
  Bytes bytes(std::size_t(kHeight * kWidth * channels));
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = std::uint8_t(17 * number + 3 * int(i));
  }
  return bytes;
}

void write_pgm(const fs::path& file, const Bytes& pixels, int width = kWidth) {
  const std::string head =
      fmt::format("P5\n# drawn\n{} {}\n255\n", width, int(pixels.size()) / width);
  Bytes bytes(head.begin(), head.end());
  bytes.insert(bytes.end(), pixels.begin(), pixels.end());
  write_bytes(file, bytes);
}

void write_png(const fs::path& file, const Bytes& pixels, png_uint_32 format) {
  fs::create_directories(file.parent_path());
  png_image png{};
  png.version = PNG_IMAGE_VERSION;
  png.width = kWidth;
  png.height = kHeight;
  png.format = format;
  REQUIRE(png_image_write_to_file(&png, file.c_str(), 0, pixels.data(), 0, nullptr) != 0);
}

void write_jpeg(const fs::path& file, const Bytes& grey) {
  fs::create_directories(file.parent_path());
  std::FILE* stream = std::fopen(file.c_str(), "wb");
  jpeg_compress_struct jpeg{};
  jpeg_error_mgr errors{};
  jpeg.err = jpeg_std_error(&errors);
  jpeg_create_compress(&jpeg);
  jpeg_stdio_dest(&jpeg, stream);
  jpeg.image_width = kWidth;
  jpeg.image_height = kHeight;
  jpeg.input_components = 1;
  jpeg.in_color_space = JCS_GRAYSCALE;
  jpeg_set_defaults(&jpeg);
  jpeg_set_quality(&jpeg, 100, TRUE);
  jpeg_start_compress(&jpeg, TRUE);
  for (std::size_t row = 0; row < kHeight; ++row) {
    JSAMPROW at = const_cast<JSAMPROW>(grey.data() + row * kWidth);
    jpeg_write_scanlines(&jpeg, &at, 1);
  }
  jpeg_finish_compress(&jpeg);
  jpeg_destroy_compress(&jpeg);
  std::fclose(stream);
}

// Two classes, three and two images; one of each a test image where asked for.
void write_folder(const fs::path& folder, bool with_test) {
  write_pgm(folder / "train/cat/a.pgm", pixels_of(0));
  write_png(folder / "train/cat/b.PNG", pixels_of(1), PNG_FORMAT_GRAY);
  write_jpeg(folder / "train/cat/c.jpg", Bytes(12, 200));
  write_pgm(folder / "train/dog/a.pgm", pixels_of(3));
  write_pgm(folder / "train/dog/b.pgm", pixels_of(4));
  if (!with_test) return;
  write_pgm(folder / "test/cat/x.pgm", pixels_of(5));
  write_pgm(folder / "test/dog/x.pgm", pixels_of(6));
}

DatasetSpec own(const std::string& kind, const fs::path& path, double test_share = 0) {
  DatasetSpec spec = whole("mine");
  (kind == "folder" ? spec.folder : kind == "npz" ? spec.npz : spec.hdf5) = path.string();
  spec.test_share = test_share;
  return spec;
}

std::string refused(const DatasetSpec& spec) {
  return message_of<Error>([&] { load_dataset(spec, {}); });
}

// One entry of an NPZ file.
struct Npy {
  std::string name, type, shape;
  Bytes values;
};

void write_npz(const fs::path& file, const std::vector<Npy>& arrays) {
  zip_t* archive = zip_open(file.c_str(), ZIP_CREATE | ZIP_TRUNCATE, nullptr);
  std::vector<Bytes> contents;
  for (const Npy& array : arrays) {
    std::string text =
        fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': {}, }}\n",
                    array.type, array.shape);
    Bytes bytes = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, std::uint8_t(text.size()), 0};
    bytes.insert(bytes.end(), text.begin(), text.end());
    bytes.insert(bytes.end(), array.values.begin(), array.values.end());
    contents.push_back(std::move(bytes));
  }
  for (std::size_t i = 0; i < arrays.size(); ++i) {
    zip_source_t* source =
        zip_source_buffer(archive, contents[i].data(), contents[i].size(), 0);
    zip_file_add(archive, (arrays[i].name + ".npy").c_str(), source, ZIP_FL_OVERWRITE);
  }
  REQUIRE(zip_close(archive) == 0);
}

Bytes three_images() {
  Bytes bytes;
  for (int i = 0; i < 3; ++i) {
    const Bytes one = pixels_of(i);
    bytes.insert(bytes.end(), one.begin(), one.end());
  }
  return bytes;
}

std::vector<Npy> sound_npz() {
  return {{"x_train", "|u1", "(3, 4, 3)", three_images()},
          {"y_train", "<i8", "(3,)", {0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0,
                                      0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0}},
          {"x_test", "|u1", "(1, 4, 3)", pixels_of(9)},
          {"y_test", "|u1", "(1,)", {2}}};
}

void write_hdf5(const fs::path& file, hid_t pixel_type = H5T_NATIVE_UINT8) {
  const hid_t id = H5Fcreate(file.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  const auto add = [id](const char* name, std::vector<hsize_t> shape, hid_t stored,
                        hid_t given, const void* values) {
    const hid_t space = H5Screate_simple(int(shape.size()), shape.data(), nullptr);
    const hid_t set =
        H5Dcreate2(id, name, stored, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    H5Dwrite(set, given, H5S_ALL, H5S_ALL, H5P_DEFAULT, values);
    H5Dclose(set);
    H5Sclose(space);
  };
  const Bytes images = three_images();
  const std::vector<int> labels = {0, 2, 1};
  add("x_train", {3, 4, 3, 1}, pixel_type, H5T_NATIVE_UINT8, images.data());
  add("y_train", {3, 1}, H5T_STD_I16LE, H5T_NATIVE_INT, labels.data());
  H5Fclose(id);
}

}  // namespace

TEST_CASE("a folder of images is a dataset, its classes sorted by name", "[data][own]") {
  const TemporaryFolder folder;
  write_folder(folder.path(), true);
  const Dataset dataset = load_dataset(own("folder", folder.path()), {});
  CHECK(dataset.class_names == std::vector<std::string>{"cat", "dog"});
  CHECK(dataset.classes == 2);
  CHECK(dataset.training.shape == ImageShape{kHeight, kWidth, 1});
  CHECK(dataset.training.labels == Bytes{0, 0, 0, 1, 1});
  CHECK(dataset.test.labels == Bytes{0, 1});
  const auto image = [&](std::size_t i) {
    const auto span = dataset.training.image(i);
    return Bytes(span.begin(), span.end());
  };
  CHECK(image(0) == pixels_of(0));
  CHECK(image(1) == pixels_of(1));
  CHECK(image(2) == Bytes(12, 200));
  CHECK(dataset.title == "mine (" + folder.path().string() + ")");
  const DatasetInfo info = dataset_info(own("folder", folder.path()));
  CHECK(info.shape == dataset.training.shape);
  CHECK(info.classes == 2);
}

TEST_CASE("the checksum of one's own images is that of what they hold", "[data][own]") {
  const TemporaryFolder one, other;
  write_folder(one.path(), true);
  write_folder(other.path(), true);
  const auto sum = [](const TemporaryFolder& folder) {
    return load_dataset(own("folder", folder.path()), {}).checksum;
  };
  write_png(other.path() / "train/dog/b.png", pixels_of(4), PNG_FORMAT_GRAY);
  fs::remove(other.path() / "train/dog/b.pgm");
  CHECK(sum(one) == sum(other));
  write_pgm(other.path() / "test/dog/x.pgm", pixels_of(7));
  CHECK(sum(one) != sum(other));
}

TEST_CASE("colour images have three channels", "[data][own]") {
  const TemporaryFolder folder;
  write_png(folder.path() / "train/a/1.png", pixels_of(1, 3), PNG_FORMAT_RGB);
  write_png(folder.path() / "train/b/1.png", pixels_of(2, 3), PNG_FORMAT_RGB);
  const Dataset dataset = load_dataset(own("folder", folder.path(), 0.5), {});
  CHECK(dataset.training.shape == ImageShape{kHeight, kWidth, 3});
  CHECK(dataset.training.count() == 1);
  CHECK(dataset.test.count() == 1);
}

TEST_CASE("a split without test images must be asked for", "[data][own]") {
  const TemporaryFolder folder, with_test;
  write_folder(folder.path(), false);
  write_folder(with_test.path(), true);
  CHECK_THAT(
      refused(own("folder", folder.path())),
      Contains("brings no test images; give test_share, the share of its 5 images"));
  CHECK_THAT(refused(own("folder", with_test.path(), 0.2)),
             Contains("brings test images of its own; leave test_share out"));
  const Dataset dataset = load_dataset(own("folder", folder.path(), 0.4), {});
  CHECK(dataset.training.count() == 3);
  CHECK(dataset.test.count() == 2);
  CHECK(load_dataset(own("folder", folder.path(), 0.4), {}).test.pixels ==
        dataset.test.pixels);
  CHECK_THAT(refused(own("folder", folder.path(), 0.1)),
             Contains("leaves none to test on"));
}

TEST_CASE("what is wrong in a folder of images is named", "[data][own][refusal]") {
  const TemporaryFolder folder;
  write_folder(folder.path(), true);
  const fs::path file = folder.path() / "train/dog/b.pgm";
  std::string problem;
  fs::path where = file;
  SECTION("another size") {
    write_pgm(file, Bytes(16, 0), 4);
    problem = "4 x 4, grey, expected 4 x 3, grey as " +
              (folder.path() / "train/cat/a.pgm").string() + " is";
  }
  SECTION("cut off") {
    fs::resize_file(file, 22);
    problem = "bytes of pixels, expected 12";
  }
  SECTION("no image") {
    where = folder.path() / "train/dog/notes.txt";
    write_bytes(where, {'x'});
    problem = "is no image; expected files .png, .jpg, .jpeg, .ppm or .pgm here";
  }
  SECTION("a damaged PNG") {
    where = folder.path() / "train/cat/b.PNG";
    Bytes bytes = read_bytes(where);
    bytes.resize(bytes.size() - 20);
    write_bytes(where, bytes);
    problem = "not a sound PNG file: ";
  }
  SECTION("a damaged JPEG") {
    where = folder.path() / "train/cat/c.jpg";
    Bytes bytes = read_bytes(where);
    bytes.resize(bytes.size() - 20);
    write_bytes(where, bytes);
    problem = "not a sound JPEG file: ";
  }
  SECTION("a transparent PNG") {
    where = folder.path() / "train/cat/b.PNG";
    write_png(where, Bytes(48, 100), PNG_FORMAT_RGBA);
    problem = "has transparent pixels";
  }
  SECTION("an image of absurd size") {
    const std::string text = "P5 4000000000 4000000000 255 ";
    write_bytes(file, {text.begin(), text.end()});
    problem = "4000000000 x 4000000000 pixels, expected 1 to 8192 on each side";
  }
  SECTION("other classes for testing") {
    fs::rename(folder.path() / "test/dog", folder.path() / "test/fox");
    where = folder.path() / "test";
    problem = "has the classes cat, fox, expected cat, dog as train has";
  }
  SECTION("an empty class") {
    where = folder.path() / "train/eel";
    fs::create_directories(where);
    fs::create_directories(folder.path() / "test/eel");
    problem = "holds no images";
  }
  CHECK_THAT(refused(own("folder", folder.path())),
             Contains(where.string() + ": ") && Contains(problem));
}

TEST_CASE("an NPZ file is read as Keras writes MNIST's", "[data][own]") {
  const TemporaryFolder folder;
  const fs::path file = folder.path() / "mine.npz";
  write_npz(file, sound_npz());
  const Dataset dataset = load_dataset(own("npz", file), {});
  CHECK(dataset.training.shape == ImageShape{4, 3, 1});
  CHECK(dataset.training.pixels == three_images());
  CHECK(dataset.training.labels == Bytes{0, 2, 1});
  CHECK(dataset.test.labels == Bytes{2});
  CHECK(dataset.class_names == std::vector<std::string>{"0", "1", "2"});
}

TEST_CASE("what is wrong in an NPZ file is named", "[data][own][refusal]") {
  const TemporaryFolder folder;
  const fs::path file = folder.path() / "mine.npz";
  auto arrays = sound_npz();
  const auto why = [&] {
    write_npz(file, arrays);
    return refused(own("npz", file));
  };
  SECTION("a type") {
    arrays[0].type = "<f4";
    CHECK(why() == file.string() + ": x_train: of type <f4, expected bytes (uint8)");
  }
  SECTION("a shape that lies") {
    arrays[0].shape = "(3000, 4, 3)";
    CHECK(why() ==
          file.string() + ": x_train: 36 bytes of values, expected 36000 for its shape");
  }
  SECTION("a shape beyond all memory") {
    arrays[0].shape = "(18446744073709551615, 8192, 8192)";
    CHECK_THAT(why(),
               Contains("x_train: of shape [18446744073709551615, 8192, 8192] takes"));
  }
  SECTION("a shape of no images") {
    arrays[0].shape = "(36,)";
    CHECK_THAT(why(), Contains("x_train: of shape [36], expected [n, height, width]"));
  }
  SECTION("labels that are not there") {
    arrays.erase(arrays.begin() + 1);
    CHECK_THAT(why(), Contains("y_train: is not there, expected the labels"));
  }
  SECTION("too few labels") {
    arrays[1].shape = "(2,)";
    arrays[1].values.resize(16);
    CHECK_THAT(why(), Contains("y_train: 2 labels, expected 3 as there are images"));
  }
  SECTION("a label of the test images alone") {
    arrays[3].values = {3};
    CHECK_THAT(why(),
               Contains("y_test: label 3 at index 0, expected 0 to 2 as in y_train"));
  }
  SECTION("cut off") {
    write_npz(file, arrays);
    fs::resize_file(file, fs::file_size(file) - 30);
    CHECK_THAT(refused(own("npz", file)), Contains(file.string() + ": no NPZ file: "));
  }
}

TEST_CASE("an HDF5 file's arrays are a dataset", "[data][own]") {
  const TemporaryFolder folder;
  const fs::path file = folder.path() / "mine.h5";
  write_hdf5(file);
  const Dataset dataset = load_dataset(own("hdf5", file, 0.34), {});
  CHECK(dataset.training.count() + dataset.test.count() == 3);
  CHECK(dataset.classes == 3);

  write_hdf5(file, H5T_NATIVE_FLOAT);
  CHECK(refused(own("hdf5", file, 0.34)) ==
        file.string() + ": x_train: of another type, expected bytes (uint8)");
  write_bytes(file, {1, 2, 3});
  CHECK_THAT(refused(own("hdf5", file)), Contains("expected an HDF5 file"));
  CHECK_THAT(refused(own("hdf5", folder.path() / "none.h5")), Contains("is no file"));
}
