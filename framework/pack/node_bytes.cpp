#include "framework/pack/node_bytes.h"

#include <array>
#include <cstdint>
#include <initializer_list>

#include <fmt/format.h>

#include "framework/core/error.h"
#include "framework/pack/model.h"

namespace bitsweep {
namespace {

constexpr std::uint64_t kMostName = 4096;
constexpr std::uint64_t kMostSide = 65536;
constexpr std::uint64_t kMostElements = std::uint64_t{1} << 26;  // of one image's values

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

bool is_square(const Window& w) {
  return w.kernel == Sides(w.kernel.height) && w.stride == Sides(w.stride.height) &&
         w.pad == Border(w.pad.top);
}

/// Behind the kernel's height, where sides may differ.
std::array<int*, 8> other_sides(Window& w) {
  return {&w.kernel.width, &w.stride.height, &w.stride.width, &w.pad.top,
          &w.pad.left,     &w.pad.bottom,    &w.pad.right,    &w.groups};
}

// README.md has the numbers of each version. From 3 on the first one tells whether sides
// differ.
void write_window(const GraphNode& node, int version, ByteWriter& out) {
  Window w = node.window;
  const auto write = [&out](std::initializer_list<int> numbers) {
    for (const int v : numbers) out.unsigned_number(std::uint64_t(v));
  };
  const bool is_shortcut = node.operation == Operation::kPadShortcut;
  if (is_shortcut && version > 1) {
    return write({w.stride.height, w.stride.width, node.zero_channels});
  }
  const bool tells_sides = version == 2 || (version > 2 && !is_square(w));
  write({version > 2 ? 2 * w.kernel.height + tells_sides : w.kernel.height});
  if (tells_sides) {
    for (const int* side : other_sides(w)) write({*side});
  } else {
    write({w.stride.height, is_shortcut ? node.zero_channels : w.pad.top, w.groups});
  }
}

void read_window(ByteReader& in, int version, GraphNode& node) {
  Window& w = node.window;
  const auto read = [&in] { return int(in.unsigned_number(kMostSide, "a window")); };
  const bool is_shortcut = node.operation == Operation::kPadShortcut;
  if (is_shortcut && version > 1) {
    for (int* v : {&w.stride.height, &w.stride.width, &node.zero_channels}) *v = read();
    return;
  }
  const int first = read();
  const bool tells_sides = version == 2 || (version > 2 && first % 2 == 1);
  w.kernel = version > 2 ? first / 2 : first;
  if (tells_sides) {
    for (int* side : other_sides(w)) *side = read();
    return;
  }
  w.stride = read();
  const int pad = read();
  if (is_shortcut) {
    node.zero_channels = pad;
  } else {
    w.pad = pad;
  }
  w.groups = read();
}

bool has_lrn(Operation operation) {
  return operation == Operation::kLrnAcross || operation == Operation::kLrnWithin;
}

// What a tensor, a quantizer or constants are found by; the rest needs no name.
bool has_name(const GraphNode& node) {
  return is_product(node) || node.operation == Operation::kQuantize ||
         node.operation == Operation::kAffine;
}

std::size_t read_input_count(ByteReader& in, Operation operation) {
  switch (operation) {
    case Operation::kAdd:
    case Operation::kPixelScale:
      return 2;
    case Operation::kConcat:
      return in.unsigned_number(kMostSide, "a number of inputs");
    default:
      return 1;
  }
}

}  // namespace

void write_shape(ImageShape shape, ByteWriter& out) {
  for (const int extent : {shape.height, shape.width, shape.channels}) {
    out.unsigned_number(std::uint64_t(extent));
  }
}

int version_of(const GraphNode& node) {
  return has_window(node.operation) && !is_square(node.window) ? 2 : 1;
}

void write_node(const GraphNode& node, int version, ByteWriter& out, PurposeBits& bits) {
  out.byte(std::uint8_t(node.operation));
  if (has_name(node)) out.text(node.name);
  if (node.operation == Operation::kConcat) out.unsigned_number(node.inputs.size());
  for (const int input : node.inputs) out.unsigned_number(std::uint64_t(input));
  write_shape(node.output, out);
  if (has_window(node.operation)) write_window(node, version, out);
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

ImageShape read_shape(ByteReader& in) {
  ImageShape shape;
  for (int* extent : {&shape.height, &shape.width, &shape.channels}) {
    *extent = int(in.unsigned_number(kMostSide * 256, "an extent of a shape"));
  }
  const bool fits = shape.height > 0 && shape.width > 0 && shape.channels > 0 &&
                    std::uint64_t(shape.height) * std::uint64_t(shape.width) <=
                        kMostElements / std::uint64_t(shape.channels);
  if (!fits) throw DataError("a shape in it is empty or too large");
  return shape;
}

GraphNode read_node(ByteReader& in, int version, std::size_t index) {
  GraphNode node;
  const std::uint8_t operation = in.byte();
  if (operation >= kOperations) {
    throw DataError(fmt::format("node {} is of an unknown kind", index));
  }
  node.operation = Operation(operation);
  if (has_name(node)) node.name = in.text(kMostName, "a name's length");
  const std::size_t inputs = read_input_count(in, node.operation);
  for (std::size_t i = 0; i < inputs; ++i) {
    node.inputs.push_back(int(in.unsigned_number(index, "the input of a node")));
  }
  node.output = read_shape(in);
  if (has_window(node.operation)) read_window(in, version, node);
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

}  // namespace bitsweep
