#include "framework/pack/model_file.h"

#include <algorithm>
#include <cstring>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <zlib.h>

#include "framework/core/error.h"
#include "framework/pack/byte_stream.h"
#include "framework/pack/grid_bytes.h"
#include "framework/pack/node_bytes.h"
#include "framework/pack/tensor_bytes.h"
#include "framework/results/whole_file.h"

namespace bitsweep {
namespace {

constexpr std::uint8_t kMagic[] = {'B', 'S', 'W', 'M'};
// Behind the magic: a byte of version, then the payload's CRC-32, then the payload.
constexpr std::size_t kFrame = sizeof(kMagic) + 1 + sizeof(std::uint32_t);

constexpr std::uint64_t kMostText = 4096;
constexpr std::uint64_t kMostExtent = 65536;
constexpr std::uint64_t kMostNodes = 65536;
// Entropy coding makes little of equal codes: a damaged file may claim any number of
// them.
constexpr std::uint64_t kFreeValues = std::uint64_t{1} << 20;  // of all tensors
constexpr std::uint64_t kValuesPerByte = 1024;                 // beyond these

std::uint32_t checksum(std::span<const std::uint8_t> bytes) {
  return std::uint32_t(crc32_z(0, bytes.data(), bytes.size()));
}

/// The first that has a place for all of it.
int version_of(const PackedModel& model, const std::vector<StoredTensorBits>& tensors) {
  int version = 1;
  for (const GraphNode& node : model.graph.nodes) {
    version = std::max(version, version_of(node));
  }
  for (const PackedQuantizer& quantizer : model.quantizers) {
    version = std::max(version, version_of(quantizer.rule));
  }
  for (const StoredTensorBits& tensor : tensors) {
    version = std::max(version, tensor.version);
  }
  return version;
}

/// Tells each tensor in `told`.
std::vector<std::uint8_t> tensor_bytes(const PackedModel& model, ModelBits& told) {
  ByteWriter out;
  for (const GraphNode& node : model.graph.nodes) {
    if (!is_product(node)) continue;
    const NetworkTensor* const weight = model.tensor(node.name + "/weight");
    ensure(weight != nullptr, "a product has weights");
    const NetworkTensor* const bias = model.tensor(node.name + "/bias");
    out.byte(bias != nullptr);
    for (const NetworkTensor* tensor : {weight, bias}) {
      if (tensor != nullptr) write_tensor(*tensor, out, told.tensors.emplace_back());
    }
  }
  return out.bytes();
}

std::vector<std::uint8_t> framed(const std::vector<std::uint8_t>& payload, int version) {
  ByteWriter out;
  out.raw(kMagic);
  out.byte(std::uint8_t(version));
  const std::uint32_t sum = checksum(payload);
  for (int i = 0; i < 4; ++i) out.byte(std::uint8_t(sum >> (8 * i)));
  out.raw(payload);
  return out.bytes();
}

// Of the values that a product reads; null: they are floats, or of ranges at run time.
const Grid* input_grid(const PackedModel& model, const GraphNode& product) {
  std::size_t quantizer = 0;
  for (std::size_t i = 0; i < model.graph.nodes.size(); ++i) {
    if (model.graph.nodes[i].operation != Operation::kQuantize) continue;
    if (product.inputs.front() == int(i) + 1) {
      const PackedQuantizer& own = model.quantizers[quantizer];
      return own.rule.is_dynamic() ? nullptr : &own.grid;
    }
    ++quantizer;
  }
  return nullptr;
}

// Of a product whose weights have been read.
ProductSums sums_of(const PackedModel& model, const GraphNode& product,
                    const NetworkTensor& weight) {
  const Grid* const inputs = input_grid(model, product);
  if (inputs == nullptr || !weight.encoded) return {};
  return {product_bits(*inputs), product_scales(*inputs, weight.encoded->grid,
                                                std::size_t(product.output.channels))};
}

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
  const auto tensors = tensor_bytes(model, told);
  const int version = version_of(model, told.tensors);
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
  for (const GraphNode& node : model.graph.nodes) {
    write_node(node, version, out, told.rest);
  }
  for (const PackedQuantizer& quantizer : model.quantizers) {
    PurposeBits own;
    write_grid(quantizer.grid, out, own);
    write_rule(quantizer.rule, out, own);
    told.rest.books += own.books;
    told.rest.scales += own.scales;
  }
  out.raw(tensors);
  auto bytes = framed(out.bytes(), version);
  told.rest.rest += 8 * bytes.size() - told.total().total();
  return bytes;
}

PackedModel parse_model_payload(std::span<const std::uint8_t> payload, int version) {
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
    model.graph.nodes.push_back(read_node(in, version, i));
  }
  check_graph(model.graph);
  for (const GraphNode& node : model.graph.nodes) {
    if (node.operation != Operation::kQuantize) continue;
    const Grid grid = read_grid(in, 0);
    model.quantizers.push_back({grid, read_rule(in, grid)});
  }
  std::uint64_t values_left = kFreeValues + kValuesPerByte * payload.size();
  const auto read = [&](const ProductSums& implied, NetworkTensor tensor) {
    const std::uint64_t elements = element_count(tensor.shape);
    if (elements > values_left) {
      throw DataError(
          fmt::format("{} has {} values, with those before it more than a file of its "
                      "size is believed to hold",
                      tensor.name, elements));
    }
    values_left -= elements;
    read_tensor(in, implied, tensor);
    model.tensors.push_back(std::move(tensor));
  };
  std::set<std::string> names;
  for (const GraphNode& node : model.graph.nodes) {
    if (!is_product(node)) continue;
    if (!names.insert(node.name).second) {
      throw DataError("two of its layers have the name " + node.name);
    }
    const bool has_bias = in.byte() != 0;
    read({}, {.name = node.name + "/weight",
              .shape = weight_shape(node, model.graph.shape_of(node.inputs.front()))});
    if (!has_bias) continue;
    read(sums_of(model, node, model.tensors.back()),
         {.name = node.name + "/bias", .shape = {std::int64_t(node.output.channels)}});
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
  if (version < 1 || version > kModelFileVersion) {
    throw DataError(
        fmt::format("it has version {} of the format; this program reads versions 1 to "
                    "{}",
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
    return parse_model_payload(payload, version);
  } catch (const DataError& error) {
    throw DataError(fmt::format("it is damaged: {}", error.what()));
  }
}

}  // namespace bitsweep
