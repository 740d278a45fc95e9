#include "framework/pack/tensor_bytes.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include <Eigen/Core>

#include "framework/core/error.h"
#include "framework/pack/grid_bytes.h"

namespace bitsweep {
namespace {

constexpr std::size_t kByteLevels = 256;

// The first byte of a tensor.
constexpr std::uint8_t kPlainFloats = 0;
constexpr std::uint8_t kSparseFloats = 1;
constexpr std::uint8_t kCodes = 2;
constexpr std::uint8_t kHalves = 3;
constexpr std::uint8_t kImpliedScales = 4;
constexpr std::uint8_t kSparseHalves = 5;

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

// A grid of half-precision numbers, whose table would take more room than they do.
bool is_of_floats(const Grid& grid) {
  const LevelGrid* const levels = grid.levels();
  return levels != nullptr && !levels->learned && levels->levels.size() > kByteLevels;
}

// Whether IEEE 754 binary16 has them all.
bool are_halves(std::span<const float> values) {
  return std::all_of(values.begin(), values.end(), [](float v) {
    return std::isfinite(v) && std::bit_cast<std::uint32_t>(float(Eigen::half(v))) ==
                                   std::bit_cast<std::uint32_t>(v);
  });
}

}  // namespace

std::uint64_t element_count(const std::vector<std::int64_t>& shape) {
  return std::accumulate(shape.begin(), shape.end(), std::uint64_t(1),
                         [](std::uint64_t n, std::int64_t d) { return n * d; });
}

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

CodeLayout mask_layout(std::size_t size) {
  return {.alphabet = 2, .zero = 0, .shape = {1, size}};
}

bool are_sums(const NetworkTensor& tensor) {
  return tensor.encoded && tensor.encoded->grid.uniform() != nullptr &&
         tensor.encoded->grid.uniform()->sum_bits > 0;
}

constexpr std::int32_t kMostBias = std::numeric_limits<std::int32_t>::max();

struct TensorWriter {
  ByteWriter& out;
  StoredTensorBits& told;

  void write(const NetworkTensor& tensor) {
    told.name = tensor.name;
    told.shape = tensor.shape;
    told.elements = tensor.elements();
    const std::size_t begin = out.size();
    if (are_sums(tensor)) {
      write_whole(*tensor.encoded);
    } else if (tensor.encoded && is_of_floats(tensor.encoded->grid) &&
               are_halves(tensor.encoded->values())) {
      write_floats(tensor.encoded->values());
    } else if (tensor.encoded) {
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
    out.byte(kCodes);
    write_grid(encoded.grid, out, told.bits);
    const auto symbols = symbols_of(encoded);
    const CodeLayout layout = layout_of(encoded.grid, encoded.elements(), rows);
    told.entropy = entropy_bits(symbols, layout.alphabet);
    told.coding = write_stream(encode_smallest(symbols, layout));
  }

  // Little-endian, as they are.
  void write_whole(const Encoded& encoded) {
    const int bytes = encoded.grid.bits() / 8;
    told.version = 2;
    out.byte(kImpliedScales);
    for (const std::int32_t code : encoded.codes) {
      const auto bits = std::uint64_t(std::int64_t(code));
      for (int i = 0; i < bytes; ++i) out.byte(std::uint8_t(bits >> (8 * i)));
      told.nonzero += code != 0;
    }
    told.width = 8 * bytes;
    told.bits.codes += std::uint64_t(told.width) * encoded.codes.size();
  }

  void write_halves(std::span<const float> values) {
    constexpr int kHalf = 16;
    for (const float value : values) {
      const std::uint16_t bits = Eigen::half_impl::raw_half_as_uint16(Eigen::half(value));
      out.byte(std::uint8_t(bits));
      out.byte(std::uint8_t(bits >> 8));
    }
    told.width = kHalf;
    told.bits.codes += std::uint64_t(kHalf) * values.size();
  }

  Coding write_stream(const CodeStream& stream) {
    if (stream.coding == Coding::arithmetic_symbols) told.version = 3;
    out.byte(std::uint8_t(stream.coding));
    out.unsigned_number(stream.bytes.size());
    out.raw(stream.bytes);
    told.bits.codes += stream.bits.codes;
    told.bits.indices += stream.bits.indices;
    told.bits.tables += stream.bits.tables;
    return stream.coding;
  }

  // In half precision where that has them all. Where zeros are many, which values are 0,
  // then the others.
  void write_floats(const std::vector<float>& values) {
    std::vector<std::uint32_t> present(values.size());
    std::vector<float> others;
    for (std::size_t i = 0; i < values.size(); ++i) {
      present[i] = std::bit_cast<std::uint32_t>(values[i]) != 0;
      if (present[i] != 0) others.push_back(values[i]);
    }
    told.nonzero = others.size();
    const bool in_halves = !others.empty() && are_halves(others);
    const std::size_t size = in_halves ? 2 : 4;
    const CodeStream mask = encode_smallest(present, mask_layout(values.size()));
    const bool sparse = mask.bytes.size() + 8 < size * (values.size() - others.size());
    const auto& stored = sparse ? others : values;
    out.byte(in_halves ? (sparse ? kSparseHalves : kHalves)
                       : (sparse ? kSparseFloats : kPlainFloats));
    if (sparse) {
      write_stream(mask);
      told.bits.indices += std::exchange(told.bits.codes, 0);
      if (in_halves) told.version = 3;
    }
    if (in_halves) return write_halves(stored);
    out.floats(stored);
    told.bits.floats += kFloatBits * stored.size();
  }
};

struct TensorReader {
  ByteReader& in;
  const ProductSums& implied;

  void read(NetworkTensor& tensor) {
    const std::uint64_t elements = element_count(tensor.shape);
    switch (in.byte()) {
      case kPlainFloats:
        tensor.values = in.floats(elements);
        return;
      case kSparseFloats:
        return read_sparse(tensor, elements,
                           [this](std::size_t count) { return in.floats(count); });
      case kCodes:
        return read_codes(tensor, elements);
      case kHalves:
        tensor.values = halves(tensor, elements);
        return;
      case kSparseHalves:
        return read_sparse(tensor, elements,
                           [&](std::size_t count) { return halves(tensor, count); });
      case kImpliedScales:
        return read_whole(tensor, elements);
      default:
        throw DataError(tensor.name + " is stored in an unknown way");
    }
  }

  std::vector<float> halves(const NetworkTensor& tensor, std::size_t count) {
    const auto bytes = in.raw(2 * count);
    std::vector<float> values;
    for (std::size_t i = 0; i < count; ++i) {
      const auto bits = std::uint16_t(bytes[2 * i] | bytes[2 * i + 1] << 8);
      const auto value = float(Eigen::half(Eigen::half_impl::raw_uint16_to_half(bits)));
      if (!std::isfinite(value)) throw DataError(tensor.name + " has no finite value");
      values.push_back(value);
    }
    return values;
  }

  void read_whole(NetworkTensor& tensor, std::size_t elements) {
    if (implied.scales.size() != elements) {
      throw DataError(tensor.name + " has codes, and its layer's sums have no step");
    }
    const auto size = std::size_t(implied.bits) / 8;
    const auto bytes = in.raw(size * elements);
    std::vector<std::int32_t> codes;
    for (std::size_t i = 0; i < elements; ++i) {
      std::uint64_t bits = 0;
      for (std::size_t b = 0; b < size; ++b) {
        bits |= std::uint64_t(bytes[i * size + b]) << (8 * b);
      }
      const auto code = size == 8 ? std::int64_t(bits) : std::int64_t(std::int32_t(bits));
      if (code < -kMostBias || code > kMostBias) {
        throw DataError(tensor.name + " has a code that is out of range");
      }
      codes.push_back(std::int32_t(code));
    }
    UniformGrid grid{.low = -kMostBias,
                     .high = kMostBias,
                     .scale = implied.scales,
                     .zero_point = std::vector<float>(elements, 0.0f),
                     .sum_bits = implied.bits};
    const ChannelLayout layout =
        elements > 1 ? ChannelLayout{elements, 1} : ChannelLayout{};
    tensor.encoded =
        Encoded{.codes = std::move(codes), .grid = Grid(std::move(grid), layout)};
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

  // read(count): the values that are not 0.
  template <class Read>
  void read_sparse(NetworkTensor& tensor, std::size_t elements, Read read) {
    const auto present = read_stream(mask_layout(elements));
    const std::vector<float> others =
        read(std::size_t(std::count(present.begin(), present.end(), 1u)));
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

}  // namespace

void write_tensor(const NetworkTensor& tensor, ByteWriter& out, StoredTensorBits& told) {
  TensorWriter{out, told}.write(tensor);
}

void read_tensor(ByteReader& in, const ProductSums& implied, NetworkTensor& tensor) {
  TensorReader{in, implied}.read(tensor);
}

}  // namespace bitsweep
