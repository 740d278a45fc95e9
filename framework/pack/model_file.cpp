#include "framework/pack/model_file.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <numeric>
#include <set>

#include <Eigen/Core>
#include <fmt/format.h>
#include <zlib.h>

#include "framework/core/error.h"
#include "framework/pack/byte_stream.h"
#include "framework/pack/grid_bytes.h"
#include "framework/results/whole_file.h"

namespace bitsweep {
namespace {

constexpr std::uint8_t kMagic[] = {'B', 'S', 'W', 'M'};
// Behind the magic: a byte of version, then the payload's CRC-32, then the payload.
constexpr std::size_t kFrame = sizeof(kMagic) + 1 + sizeof(std::uint32_t);

constexpr std::size_t kByteLevels = 256;
constexpr std::uint64_t kMostText = 4096;
constexpr std::uint64_t kMostExtent = 65536;
constexpr std::uint64_t kMostNodes = 65536;
constexpr std::uint64_t kMostElements = std::uint64_t{1} << 26;  // of one image's values
// Entropy coding makes little of equal codes: a damaged file may claim any number of
// them.
constexpr std::uint64_t kFreeValues = std::uint64_t{1} << 20;  // of all tensors
constexpr std::uint64_t kValuesPerByte = 1024;                 // beyond these

// The first byte of a tensor.
constexpr std::uint8_t kPlainFloats = 0;
constexpr std::uint8_t kSparseFloats = 1;
constexpr std::uint8_t kCodes = 2;
constexpr std::uint8_t kHalves = 3;

std::uint32_t checksum(std::span<const std::uint8_t> bytes) {
  return std::uint32_t(crc32_z(0, bytes.data(), bytes.size()));
}

std::uint64_t product(const std::vector<std::int64_t>& shape) {
  return std::accumulate(shape.begin(), shape.end(), std::uint64_t(1),
                         [](std::uint64_t n, std::int64_t d) { return n * d; });
}

// The code that stands for 0 in every channel.
std::optional<std::uint32_t> zero_code(const Grid& grid) {
  if (grid.dimension() != 1) return std::nullopt;
  for (std::int32_t code = grid.low_code(); code <= grid.high_code(); ++code) {
    bool is_zero = true;
    for (std::size_t c = 0; is_zero && c < grid.layout().channels; ++c) {
      is_zero = grid.value(code, c) == 0;
    }
    if (is_zero) return std::uint32_t(code - grid.low_code());
  }
  return std::nullopt;
}

// Values that IEEE 754 binary16 has, on a grid whose table would take more room than
// they.
bool are_halves(const Encoded& encoded, std::span<const float> values) {
  const LevelGrid* const levels = encoded.grid.levels();
  if (levels == nullptr || levels->learned || levels->levels.size() <= kByteLevels) {
    return false;
  }
  return std::all_of(values.begin(), values.end(), [](float v) {
    return std::isfinite(v) && std::bit_cast<std::uint32_t>(float(Eigen::half(v))) ==
                                   std::bit_cast<std::uint32_t>(v);
  });
}

}  // namespace

CodeLayout layout_of(const Grid& grid, std::size_t elements, std::size_t rows) {
  const std::size_t codes = grid.code_count(elements);
  if (rows == 0 || codes % rows != 0) rows = 1;
  return {.alphabet = std::uint32_t(grid.level_count()),
          .zero = zero_code(grid),
          .shape = {rows, codes / rows}};
}

std::vector<std::uint32_t> symbols_of(const Encoded& encoded) {
  std::vector<std::uint32_t> symbols(encoded.codes.size());
  std::transform(encoded.codes.begin(), encoded.codes.end(), symbols.begin(),
                 [low = encoded.grid.low_code()](std::int32_t code) {
                   return std::uint32_t(code - low);
                 });
  return symbols;
}

namespace {

// ---- Writing ----

struct TensorWriter {
  ByteWriter& out;
  StoredTensorBits& told;

  void write(const NetworkTensor& tensor) {
    told.name = tensor.name;
    told.shape = tensor.shape;
    told.elements = tensor.elements();
    const std::size_t begin = out.size();
    if (tensor.encoded) {
      write_codes(*tensor.encoded, std::size_t(tensor.shape.front()));
    } else {
      write_floats(tensor.values);
    }
    told.bits.rest += 8 * (out.size() - begin) - told.bits.total();
  }

  void write_codes(const Encoded& encoded, std::size_t rows) {
    const auto values = encoded.values();
    told.nonzero =
        values.size() - std::size_t(std::count(values.begin(), values.end(), 0.0f));
    told.width = encoded.grid.bits();
    if (are_halves(encoded, values)) return write_halves(values);
    out.byte(kCodes);
    write_grid(encoded.grid, out, told.bits);
    const auto symbols = symbols_of(encoded);
    const CodeLayout layout = layout_of(encoded.grid, encoded.elements(), rows);
    told.entropy = entropy_bits(symbols, layout.alphabet);
    told.coding = write_stream(encode_smallest(symbols, layout));
  }

  void write_halves(std::span<const float> values) {
    constexpr std::uint64_t kHalf = 16;
    out.byte(kHalves);
    for (const float value : values) {
      const std::uint16_t bits = Eigen::half_impl::raw_half_as_uint16(Eigen::half(value));
      out.byte(std::uint8_t(bits));
      out.byte(std::uint8_t(bits >> 8));
    }
    told.bits.codes += kHalf * values.size();
  }

  Coding write_stream(const CodeStream& stream) {
    out.byte(std::uint8_t(stream.coding));
    out.unsigned_number(stream.bytes.size());
    out.raw(stream.bytes);
    told.bits.codes += stream.bits.codes;
    told.bits.indices += stream.bits.indices;
    told.bits.tables += stream.bits.tables;
    return stream.coding;
  }

  // Where zeros are many, which values are 0, then the others.
  void write_floats(const std::vector<float>& values) {
    std::vector<std::uint32_t> present(values.size());
    std::vector<float> others;
    for (std::size_t i = 0; i < values.size(); ++i) {
      present[i] = std::bit_cast<std::uint32_t>(values[i]) != 0;
      if (present[i] != 0) others.push_back(values[i]);
    }
    told.nonzero = others.size();
    const CodeStream mask = encode_smallest(present, mask_layout(values.size()));
    const bool sparse = mask.bytes.size() + 8 < 4 * (values.size() - others.size());
    out.byte(sparse ? kSparseFloats : kPlainFloats);
    if (sparse) {
      write_stream(mask);
      told.bits.indices += std::exchange(told.bits.codes, 0);
    }
    const auto& stored = sparse ? others : values;
    out.floats(stored);
    told.bits.floats += kFloatBits * stored.size();
  }

  static CodeLayout mask_layout(std::size_t size) {
    return {.alphabet = 2, .zero = 0, .shape = {1, size}};
  }
};

bool has_window(Operation operation) {
  switch (operation) {
    case Operation::kConvolution:
    case Operation::kMaxPool:
    case Operation::kAveragePool:
    case Operation::kPixelScale:
    case Operation::kPadShortcut:
      return true;
    default:
      return false;
  }
}

bool has_lrn(Operation operation) {
  return operation == Operation::kLrnAcross || operation == Operation::kLrnWithin;
}

// What a tensor, a quantizer or constants are found by; the rest needs no name.
bool has_name(const GraphNode& node) {
  return is_product(node) || node.operation == Operation::kQuantize ||
         node.operation == Operation::kAffine;
}

void write_shape(ImageShape shape, ByteWriter& out) {
  for (const int extent : {shape.height, shape.width, shape.channels}) {
    out.unsigned_number(std::uint64_t(extent));
  }
}

void write_node(const GraphNode& node, ByteWriter& out, PurposeBits& bits) {
  out.byte(std::uint8_t(node.operation));
  if (has_name(node)) out.text(node.name);
  if (node.operation == Operation::kConcat) out.unsigned_number(node.inputs.size());
  for (const int input : node.inputs) out.unsigned_number(std::uint64_t(input));
  write_shape(node.output, out);
  if (has_window(node.operation)) {
    const Window& w = node.window;
    for (const int v : {w.kernel, w.stride, w.pad, w.groups}) {
      out.unsigned_number(std::uint64_t(v));
    }
  }
  if (has_lrn(node.operation)) {
    out.unsigned_number(std::uint64_t(node.lrn.size));
    out.floats(std::array{node.lrn.alpha, node.lrn.beta, node.lrn.k});
  }
  if (node.operation != Operation::kAffine) return;
  for (const char* name : {"scale", "shift"}) {
    const auto& values = node.constants.at(name);
    out.floats(values);
    bits.floats += kFloatBits * values.size();
  }
}

std::vector<std::uint8_t> framed(const std::vector<std::uint8_t>& payload) {
  ByteWriter out;
  out.raw(kMagic);
  out.byte(kModelFileVersion);
  const std::uint32_t sum = checksum(payload);
  for (int i = 0; i < 4; ++i) out.byte(std::uint8_t(sum >> (8 * i)));
  out.raw(payload);
  return out.bytes();
}

// ---- Reading ----

ImageShape read_shape(ByteReader& in) {
  ImageShape shape;
  for (int* extent : {&shape.height, &shape.width, &shape.channels}) {
    *extent = int(in.unsigned_number(kMostExtent * 256, "an extent of a shape"));
  }
  const bool fits = shape.height > 0 && shape.width > 0 && shape.channels > 0 &&
                    std::uint64_t(shape.height) * std::uint64_t(shape.width) <=
                        kMostElements / std::uint64_t(shape.channels);
  if (!fits) throw DataError("a shape in it is empty or too large");
  return shape;
}

std::size_t read_input_count(ByteReader& in, Operation operation) {
  switch (operation) {
    case Operation::kAdd:
    case Operation::kPixelScale:
      return 2;
    case Operation::kConcat:
      return in.unsigned_number(kMostExtent, "a number of inputs");
    default:
      return 1;
  }
}

GraphNode read_node(ByteReader& in, std::size_t index) {
  GraphNode node;
  const std::uint8_t operation = in.byte();
  if (operation >= kOperations) {
    throw DataError(fmt::format("node {} is of an unknown kind", index));
  }
  node.operation = Operation(operation);
  if (has_name(node)) node.name = in.text(kMostText, "a name's length");
  const std::size_t inputs = read_input_count(in, node.operation);
  for (std::size_t i = 0; i < inputs; ++i) {
    node.inputs.push_back(int(in.unsigned_number(index, "the input of a node")));
  }
  node.output = read_shape(in);
  if (has_window(node.operation)) {
    Window& w = node.window;
    for (int* v : {&w.kernel, &w.stride, &w.pad, &w.groups}) {
      *v = int(in.unsigned_number(kMostExtent, "a window"));
    }
  }
  if (has_lrn(node.operation)) {
    node.lrn.size = int(in.unsigned_number(31, "the size of a normalisation"));
    if (node.lrn.size % 2 == 0) throw DataError("a normalisation's size is even");
    const auto constants = in.floats(3);
    node.lrn.alpha = constants[0];
    node.lrn.beta = constants[1];
    node.lrn.k = constants[2];
  }
  if (node.operation == Operation::kAffine) {
    for (const char* name : {"scale", "shift"}) {
      node.constants[name] = in.floats(std::size_t(node.output.channels));
    }
  }
  return node;
}

struct TensorReader {
  ByteReader& in;
  std::uint64_t values_left;  // that the file may still have

  void read(NetworkTensor& tensor) {
    const std::uint64_t elements = product(tensor.shape);
    if (elements > values_left) {
      throw DataError(
          fmt::format("{} has {} values, with those before it more than a file of its "
                      "size is believed to hold",
                      tensor.name, elements));
    }
    values_left -= elements;
    switch (in.byte()) {
      case kPlainFloats:
        tensor.values = in.floats(elements);
        return;
      case kSparseFloats:
        return read_sparse(tensor, elements);
      case kCodes:
        return read_codes(tensor, elements);
      case kHalves:
        return read_halves(tensor, elements);
      default:
        throw DataError(tensor.name + " is stored in an unknown way");
    }
  }

  void read_halves(NetworkTensor& tensor, std::size_t elements) {
    const auto bytes = in.raw(2 * elements);
    for (std::size_t i = 0; i < elements; ++i) {
      const auto bits = std::uint16_t(bytes[2 * i] | bytes[2 * i + 1] << 8);
      const auto value = float(Eigen::half(Eigen::half_impl::raw_uint16_to_half(bits)));
      if (!std::isfinite(value)) throw DataError(tensor.name + " has no finite value");
      tensor.values.push_back(value);
    }
  }

  std::vector<std::uint32_t> read_stream(const CodeLayout& layout) {
    const std::uint8_t coding = in.byte();
    if (coding >= kCodings.size()) throw DataError("codes are stored in an unknown way");
    const bool is_sparse = kCodings[coding] == Coding::sparse_fixed ||
                           kCodings[coding] == Coding::sparse_huffman;
    if (is_sparse && !layout.zero) throw DataError("sparse codes have no zero");
    const auto bytes = in.raw(in.unsigned_number(in.left(), "the length of codes"));
    return decode(kCodings[coding], bytes, layout);
  }

  void read_sparse(NetworkTensor& tensor, std::size_t elements) {
    const auto present = read_stream(TensorWriter::mask_layout(elements));
    const auto others =
        in.floats(std::size_t(std::count(present.begin(), present.end(), 1u)));
    auto next = others.begin();
    tensor.values.resize(elements);
    for (std::size_t i = 0; i < elements; ++i) {
      if (present[i] != 0) tensor.values[i] = *next++;
    }
  }

  void read_codes(NetworkTensor& tensor, std::size_t elements) {
    const Grid grid = read_grid(in, elements);
    const std::size_t block =
        grid.dimension() * (grid.levels() ? grid.levels()->vectors.stride : 1);
    if (elements % block != 0) {
      throw DataError(tensor.name + " does not divide into the vectors of its grid");
    }
    const auto symbols =
        read_stream(layout_of(grid, elements, std::size_t(tensor.shape.front())));
    Encoded encoded{.codes = std::vector<std::int32_t>(symbols.size()), .grid = grid};
    std::transform(symbols.begin(), symbols.end(), encoded.codes.begin(),
                   [low = grid.low_code()](std::uint32_t symbol) {
                     return low + std::int32_t(symbol);
                   });
    tensor.encoded = std::move(encoded);
  }
};

std::vector<float> read_preprocessing(ByteReader& in, ImageShape image) {
  auto values = in.float_list(image.elements(), "the length of a preprocessing");
  const std::size_t size = values.size();
  if (size != 1 && size != std::size_t(image.channels) && size != image.elements()) {
    throw DataError("its preprocessing is neither for all, nor by channel, nor by pixel");
  }
  return values;
}

}  // namespace

PurposeBits& PurposeBits::operator+=(const PurposeBits& other) {
  codes += other.codes;
  indices += other.indices;
  tables += other.tables;
  books += other.books;
  scales += other.scales;
  floats += other.floats;
  rest += other.rest;
  return *this;
}

PurposeBits ModelBits::total() const {
  PurposeBits sum = rest;
  for (const auto& tensor : tensors) sum += tensor.bits;
  return sum;
}

std::vector<std::uint8_t> model_bytes(const PackedModel& model, ModelBits* bits) {
  ModelBits unasked;
  ModelBits& told = bits != nullptr ? *bits : unasked;
  told = {};
  ByteWriter out;
  out.text(model.title);
  out.text(model.dataset);
  write_shape(model.graph.image, out);
  out.unsigned_number(std::uint64_t(model.graph.classes));
  out.float_list(model.preprocessing.factor);
  out.float_list(model.preprocessing.offset);
  told.rest.floats += kFloatBits * (model.preprocessing.factor.size() +
                                    model.preprocessing.offset.size());
  out.unsigned_number(model.graph.nodes.size());
  for (const GraphNode& node : model.graph.nodes) write_node(node, out, told.rest);
  for (const PackedQuantizer& quantizer : model.quantizers) {
    PurposeBits own;
    write_grid(quantizer.grid, out, own);
    write_rule(quantizer.rule, out, own);
    told.rest.books += own.books;
    told.rest.scales += own.scales;
  }
  std::uint64_t tensor_bytes = 0;
  for (const GraphNode& node : model.graph.nodes) {
    if (!is_product(node)) continue;
    const NetworkTensor* const weight = model.tensor(node.name + "/weight");
    ensure(weight != nullptr, "a product has weights");
    const NetworkTensor* const bias = model.tensor(node.name + "/bias");
    out.byte(bias != nullptr);
    for (const NetworkTensor* tensor : {weight, bias}) {
      if (tensor == nullptr) continue;
      const std::size_t begin = out.size();
      TensorWriter{out, told.tensors.emplace_back()}.write(*tensor);
      tensor_bytes += out.size() - begin;
    }
  }
  auto bytes = framed(out.bytes());
  told.rest.rest += 8 * (bytes.size() - tensor_bytes) - told.rest.total();
  return bytes;
}

PackedModel parse_model_payload(std::span<const std::uint8_t> payload) {
  ByteReader in(payload);
  PackedModel model;
  model.title = in.text(kMostText, "the title's length");
  model.dataset = in.text(kMostText, "the length of the dataset's name");
  model.graph.image = read_shape(in);
  model.graph.classes = int(in.unsigned_number(kMostExtent, "the number of classes"));
  model.preprocessing.factor = read_preprocessing(in, model.graph.image);
  model.preprocessing.offset = read_preprocessing(in, model.graph.image);
  const auto nodes = in.unsigned_number(kMostNodes, "the number of nodes");
  for (std::size_t i = 0; i < nodes; ++i) {
    model.graph.nodes.push_back(read_node(in, i));
  }
  check_graph(model.graph);
  for (const GraphNode& node : model.graph.nodes) {
    if (node.operation != Operation::kQuantize) continue;
    const Grid grid = read_grid(in, 0);
    model.quantizers.push_back({grid, read_rule(in, grid)});
  }
  TensorReader reader{in, kFreeValues + kValuesPerByte * payload.size()};
  std::set<std::string> names;
  for (const GraphNode& node : model.graph.nodes) {
    if (!is_product(node)) continue;
    if (!names.insert(node.name).second) {
      throw DataError("two of its layers have the name " + node.name);
    }
    const bool has_bias = in.byte() != 0;
    model.tensors.push_back(
        {.name = node.name + "/weight",
         .shape = weight_shape(node, model.graph.shape_of(node.inputs.front()))});
    reader.read(model.tensors.back());
    if (!has_bias) continue;
    model.tensors.push_back(
        {.name = node.name + "/bias", .shape = {std::int64_t(node.output.channels)}});
    reader.read(model.tensors.back());
  }
  in.expect_end();
  return model;
}

PackedModel parse_model(std::span<const std::uint8_t> bytes) {
  if (bytes.size() < sizeof(kMagic) ||
      std::memcmp(bytes.data(), kMagic, sizeof(kMagic)) != 0) {
    throw DataError(
        "not a packed model of bitsweep; expected a file that `bitsweep export` wrote, "
        "or "
        "the record of a run (.h5)");
  }
  if (bytes.size() < kFrame) throw DataError("it is damaged: it ends early");
  const int version = bytes[sizeof(kMagic)];
  if (version != kModelFileVersion) {
    throw DataError(
        fmt::format("it has version {} of the format; this program reads version {}",
                    version, kModelFileVersion));
  }
  std::uint32_t stored = 0;
  for (int i = 0; i < 4; ++i) {
    stored |= std::uint32_t(bytes[sizeof(kMagic) + 1 + std::size_t(i)]) << (8 * i);
  }
  const auto payload = bytes.subspan(kFrame);
  if (checksum(payload) != stored) {
    throw DataError("it is damaged: its checksum does not match; pack the model again");
  }
  try {
    return parse_model_payload(payload);
  } catch (const DataError& error) {
    throw DataError(fmt::format("it is damaged: {}", error.what()));
  }
}

ModelBits write_model(const PackedModel& model, const std::filesystem::path& path) {
  ModelBits bits;
  const auto bytes = model_bytes(model, &bits);
  write_whole_file(path, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  return bits;
}

PackedModel read_model(const std::filesystem::path& path) {
  const std::string text = read_whole_file(path);
  try {
    return parse_model({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
  } catch (const DataError& error) {
    throw DataError(fmt::format("{}: {}", path.string(), error.what()));
  }
}

}  // namespace bitsweep
