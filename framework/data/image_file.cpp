#include "framework/data/image_file.h"

#include <algorithm>
#include <cctype>
#include <csetjmp>
#include <cstdio>
#include <fstream>
#include <limits>
#include <memory>
#include <string>

#include <fmt/format.h>
#include <jpeglib.h>
#include <png.h>

#include "framework/core/error.h"
#include "framework/data/own_dataset.h"

namespace bitsweep {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void refuse_image(const fs::path& file, const std::string& problem) {
  throw DataError(fmt::format("{}: {}", file.string(), problem));
}

// Checked before memory is taken: a header may claim anything.
ImageShape checked_shape(const fs::path& file, std::uint64_t height, std::uint64_t width,
                         int channels) {
  if (height < 1 || width < 1 || height > kLongestSide || width > kLongestSide) {
    refuse_image(file, fmt::format("{} x {} pixels, expected 1 to {} on each side",
                                   height, width, kLongestSide));
  }
  return {int(height), int(width), channels};
}

struct FreePng {
  void operator()(png_image* image) const { png_image_free(image); }
};

Image read_png(const fs::path& file) {
  png_image png{};
  png.version = PNG_IMAGE_VERSION;
  const std::unique_ptr<png_image, FreePng> owner(&png);
  const auto damaged = [&] {
    refuse_image(file, fmt::format("not a sound PNG file: {}", png.message));
  };
  if (!png_image_begin_read_from_file(&png, file.c_str())) damaged();
  if (png.format & PNG_FORMAT_FLAG_ALPHA) {
    refuse_image(file, "has transparent pixels, expected grey or colour alone");
  }
  if (png.format & PNG_FORMAT_FLAG_LINEAR) {
    refuse_image(file, "has 16 bits a value, expected 8");
  }
  const bool is_colour = png.format & PNG_FORMAT_FLAG_COLOR;
  png.format = is_colour ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
  Image image{checked_shape(file, png.height, png.width, is_colour ? 3 : 1), {}};
  image.pixels.resize(image.shape.elements());
  if (!png_image_finish_read(&png, nullptr, image.pixels.data(), 0, nullptr)) damaged();
  // What was mended on the way (a wrong check sum, bytes that are missing) is not what
  // the file held.
  if (png.warning_or_error != 0) damaged();
  return image;
}

struct JpegErrors {
  jpeg_error_mgr manager;  // first: libjpeg gives its address back
  std::jmp_buf back;
  char text[JMSG_LENGTH_MAX];
};

[[noreturn]] void leave_jpeg(j_common_ptr jpeg) {
  auto* errors = reinterpret_cast<JpegErrors*>(jpeg->err);
  jpeg->err->format_message(jpeg, errors->text);
  std::longjmp(errors->back, 1);
}

// Warnings are damage as well: libjpeg would put grey where data is missing.
void hear_jpeg(j_common_ptr jpeg, int level) {
  if (level < 0) leave_jpeg(jpeg);
}

// Header and rows in two steps, so that nothing with a destructor is made between setjmp
// and the calls that may jump back.
bool begin_jpeg(jpeg_decompress_struct& jpeg, JpegErrors& errors, std::FILE* stream) {
  if (setjmp(errors.back) != 0) return false;
  jpeg_stdio_src(&jpeg, stream);
  jpeg_read_header(&jpeg, TRUE);
  jpeg.out_color_space = jpeg.num_components == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_calc_output_dimensions(&jpeg);
  return true;
}

bool read_rows(jpeg_decompress_struct& jpeg, JpegErrors& errors, std::uint8_t* pixels) {
  if (setjmp(errors.back) != 0) return false;
  jpeg_start_decompress(&jpeg);
  const std::size_t row =
      std::size_t(jpeg.output_width) * std::size_t(jpeg.output_components);
  while (jpeg.output_scanline < jpeg.output_height) {
    JSAMPROW at = pixels + jpeg.output_scanline * row;
    jpeg_read_scanlines(&jpeg, &at, 1);
  }
  jpeg_finish_decompress(&jpeg);
  return true;
}

struct CloseFile {
  void operator()(std::FILE* stream) const { std::fclose(stream); }
};
struct FreeJpeg {
  void operator()(jpeg_decompress_struct* jpeg) const { jpeg_destroy_decompress(jpeg); }
};

Image read_jpeg(const fs::path& file) {
  const std::unique_ptr<std::FILE, CloseFile> stream(std::fopen(file.c_str(), "rbe"));
  if (!stream) refuse_image(file, "cannot be opened, expected a readable file");
  JpegErrors errors{};
  jpeg_decompress_struct jpeg{};
  jpeg.err = jpeg_std_error(&errors.manager);
  errors.manager.error_exit = leave_jpeg;
  errors.manager.emit_message = hear_jpeg;
  jpeg_create_decompress(&jpeg);
  const std::unique_ptr<jpeg_decompress_struct, FreeJpeg> owner(&jpeg);
  const auto damaged = [&] {
    refuse_image(file, fmt::format("not a sound JPEG file: {}", errors.text));
  };
  if (!begin_jpeg(jpeg, errors, stream.get())) damaged();
  if (jpeg.num_components != 1 && jpeg.num_components != 3) {
    refuse_image(file,
                 fmt::format("{} components, expected 1 or 3", jpeg.num_components));
  }
  Image image{checked_shape(file, jpeg.output_height, jpeg.output_width,
                            jpeg.num_components == 1 ? 1 : 3),
              {}};
  image.pixels.resize(image.shape.elements());
  if (!read_rows(jpeg, errors, image.pixels.data())) damaged();
  return image;
}

// A number of a PNM header, past spaces and comments.
std::uint64_t pnm_number(std::istream& stream) {
  while (stream >> std::ws && stream.peek() == '#') {
    stream.ignore(std::numeric_limits<std::streamsize>::max(), '\n');
  }
  std::uint64_t number = 0;
  stream >> number;
  return number;
}

Image read_pnm(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  char magic[2] = {};
  stream.read(magic, 2);
  if (magic[0] != 'P' || (magic[1] != '5' && magic[1] != '6')) {
    refuse_image(file, "begins with neither P5 (grey) nor P6 (colour)");
  }
  const std::uint64_t width = pnm_number(stream);
  const std::uint64_t height = pnm_number(stream);
  const std::uint64_t most = pnm_number(stream);
  if (!stream || most != 255)
    refuse_image(file, "its header has no largest value of 255");
  Image image{checked_shape(file, height, width, magic[1] == '5' ? 1 : 3), {}};
  image.pixels.resize(image.shape.elements());
  stream.get();  // one white space ends the header
  stream.read(reinterpret_cast<char*>(image.pixels.data()),
              std::streamsize(image.pixels.size()));
  if (std::size_t(stream.gcount()) != image.pixels.size()) {
    refuse_image(file, fmt::format("{} bytes of pixels, expected {}", stream.gcount(),
                                   image.pixels.size()));
  }
  return image;
}

std::string ending_of(const fs::path& file) {
  std::string ending = file.extension().string();
  std::transform(ending.begin(), ending.end(), ending.begin(),
                 [](unsigned char c) { return char(std::tolower(c)); });
  return ending;
}

}  // namespace

bool is_image_name(const fs::path& file) {
  const std::string ending = ending_of(file);
  return ending == ".png" || ending == ".jpg" || ending == ".jpeg" || ending == ".ppm" ||
         ending == ".pgm";
}

Image read_image(const fs::path& file) {
  const std::string ending = ending_of(file);
  if (ending == ".png") return read_png(file);
  if (ending == ".jpg" || ending == ".jpeg") return read_jpeg(file);
  return read_pnm(file);
}

}  // namespace bitsweep
