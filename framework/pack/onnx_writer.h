// An ONNX model, node by node. onnx's own classes stay behind it.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "framework/core/sides.h"

namespace bitsweep {

using OnnxShape = std::vector<std::int64_t>;

/// Height, width; and top, left, bottom, right.
inline OnnxShape onnx_sides(Sides sides) { return {sides.height, sides.width}; }
inline OnnxShape onnx_pads(const Border& pad) {
  return {pad.top, pad.left, pad.bottom, pad.right};
}

using OnnxAttribute = std::variant<std::int64_t, float, std::string, OnnxShape>;
using OnnxAttributes = std::vector<std::pair<std::string, OnnxAttribute>>;

/// Of QONNX's operators.
inline constexpr const char* kQuantDomain = "qonnx.custom_op.general";

enum class OnnxBytes { kInt8, kUint8 };

/// Every tensor is named by what is returned when it is made; names asked for get a
/// number behind them when they are taken.
class OnnxWriter {
 public:
  OnnxWriter();
  ~OnnxWriter();

  /// Float32, with as many images as one likes: [N, shape].
  std::string input(const std::string& name, const OnnxShape& shape);
  void output(const std::string& name, const std::string& value, const OnnxShape& shape);

  std::string floats(const std::string& name, const OnnxShape& shape,
                     const std::vector<float>& values);
  std::string int32s(const std::string& name, const OnnxShape& shape,
                     const std::vector<std::int32_t>& values);
  std::string int64s(const std::string& name, const std::vector<std::int64_t>& values);
  std::string bytes(const std::string& name, const OnnxShape& shape, OnnxBytes type,
                    const std::vector<std::uint8_t>& values);
  /// int8 or uint8 values, four bits each in the file where all of them fit, behind a
  /// Cast: such files need operator set 21.
  std::string packed_bytes(const std::string& name, const OnnxShape& shape,
                           OnnxBytes type, const std::vector<std::uint8_t>& values);

  // Scalars; one of each value in a file.
  std::string scalar(float value);
  std::string scalar_int32(std::int32_t value);
  std::string scalar_int64(std::int64_t value);
  std::string scalar_byte(OnnxBytes type, int value);

  /// The name of its one output. `name`: of node and output, from the layer's.
  std::string node(const std::string& name, const char* operation,
                   const std::vector<std::string>& inputs,
                   const OnnxAttributes& attributes = {}, const char* domain = "");
  /// The same of a node with several outputs: their names, `name` and the part's.
  std::vector<std::string> node_of(const std::string& name, const char* operation,
                                   const std::vector<std::string>& inputs,
                                   const std::vector<std::string>& parts);
  std::string cast_to_float(const std::string& name, const std::string& input);
  std::string cast_to_int32(const std::string& name, const std::string& input);
  std::string cast_to_bytes(const std::string& name, const std::string& input,
                            OnnxBytes type);

  /// The function Quant of QONNX's operator set, as nodes; once is enough.
  void define_quant();

  /// The file. title: the graph's name.
  std::string finish(const std::string& title);

 private:
  struct Model;
  std::string unique(const std::string& name);

  std::unique_ptr<Model> model_;
  std::map<std::string, int> taken_;
  std::map<std::string, std::string> scalars_;
};

}  // namespace bitsweep
