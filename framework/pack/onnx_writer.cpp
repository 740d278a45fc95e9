#include "framework/pack/onnx_writer.h"

#include <algorithm>
#include <cstring>

#include <fmt/format.h>
#include <onnx/onnx_pb.h>

#include "framework/core/error.h"

namespace bitsweep {
namespace {

// What onnx 1.12 has no names for yet, by the numbers of the format.
constexpr int kUint4 = 21, kInt4 = 22;
constexpr int kNarrowOperators = 21;  // the first operator set that has them
constexpr int kOperators = 13;

void set_attribute(onnx::AttributeProto& to, const std::string& name,
                   const OnnxAttribute& value) {
  to.set_name(name);
  if (const auto* integer = std::get_if<std::int64_t>(&value)) {
    to.set_type(onnx::AttributeProto::INT);
    to.set_i(*integer);
  } else if (const auto* number = std::get_if<float>(&value)) {
    to.set_type(onnx::AttributeProto::FLOAT);
    to.set_f(*number);
  } else if (const auto* text = std::get_if<std::string>(&value)) {
    to.set_type(onnx::AttributeProto::STRING);
    to.set_s(*text);
  } else {
    to.set_type(onnx::AttributeProto::INTS);
    for (const auto i : std::get<OnnxShape>(value)) to.add_ints(i);
  }
}

void set_value(onnx::ValueInfoProto& to, const std::string& name,
               const OnnxShape& shape) {
  to.set_name(name);
  auto* const type = to.mutable_type()->mutable_tensor_type();
  type->set_elem_type(onnx::TensorProto::FLOAT);
  type->mutable_shape()->add_dim()->set_dim_param("N");
  for (const auto extent : shape) type->mutable_shape()->add_dim()->set_dim_value(extent);
}

template <class Values>
std::string raw(const Values& values) {
  std::string bytes(values.size() * sizeof(values[0]), '\0');
  if (!values.empty()) std::memcpy(bytes.data(), values.data(), bytes.size());
  return bytes;
}

void add_node(onnx::FunctionProto& function, const char* operation,
              std::initializer_list<const char*> inputs, const char* output) {
  auto* const node = function.add_node();
  node->set_op_type(operation);
  for (const char* input : inputs) node->add_input(input);
  node->add_output(output);
}

onnx::AttributeProto& add_constant(onnx::FunctionProto& function, const char* output) {
  auto* const node = function.add_node();
  node->set_op_type("Constant");
  node->add_output(output);
  return *node->add_attribute();
}

}  // namespace

struct OnnxWriter::Model {
  onnx::ModelProto proto;
  int operators = kOperators;
  bool has_functions = false;

  std::string tensor(const std::string& name, const OnnxShape& shape, int type,
                     std::string data) {
    auto* const tensor = proto.mutable_graph()->add_initializer();
    tensor->set_name(name);
    tensor->set_data_type(type);
    for (const auto extent : shape) tensor->add_dims(extent);
    tensor->set_raw_data(std::move(data));
    return name;
  }
};

OnnxWriter::OnnxWriter() : model_(std::make_unique<Model>()) {}
OnnxWriter::~OnnxWriter() = default;

std::string OnnxWriter::unique(const std::string& name) {
  const int number = taken_[name]++;
  return number == 0 ? name : unique(fmt::format("{}_{}", name, number + 1));
}

std::string OnnxWriter::input(const std::string& name, const OnnxShape& shape) {
  set_value(*model_->proto.mutable_graph()->add_input(), unique(name), shape);
  return name;
}

void OnnxWriter::output(const std::string& name, const std::string& value,
                        const OnnxShape& shape) {
  const std::string own = unique(name);
  auto* const graph = model_->proto.mutable_graph();
  set_value(*graph->add_output(), own, shape);
  for (auto& node : *graph->mutable_node()) {
    for (auto& output : *node.mutable_output()) {
      if (output == value) output = own;
    }
    for (auto& input : *node.mutable_input()) {
      if (input == value) input = own;
    }
  }
}

std::string OnnxWriter::floats(const std::string& name, const OnnxShape& shape,
                               const std::vector<float>& values) {
  return model_->tensor(unique(name), shape, onnx::TensorProto::FLOAT, raw(values));
}

std::string OnnxWriter::int32s(const std::string& name, const OnnxShape& shape,
                               const std::vector<std::int32_t>& values) {
  return model_->tensor(unique(name), shape, onnx::TensorProto::INT32, raw(values));
}

std::string OnnxWriter::int64s(const std::string& name,
                               const std::vector<std::int64_t>& values) {
  return model_->tensor(unique(name), {std::int64_t(values.size())},
                        onnx::TensorProto::INT64, raw(values));
}

std::string OnnxWriter::bytes(const std::string& name, const OnnxShape& shape,
                              OnnxBytes type, const std::vector<std::uint8_t>& values) {
  const auto own =
      type == OnnxBytes::kInt8 ? onnx::TensorProto::INT8 : onnx::TensorProto::UINT8;
  return model_->tensor(unique(name), shape, own, raw(values));
}

std::string OnnxWriter::packed_bytes(const std::string& name, const OnnxShape& shape,
                                     OnnxBytes type,
                                     const std::vector<std::uint8_t>& values) {
  const bool is_signed = type == OnnxBytes::kInt8;
  const bool narrow = std::all_of(values.begin(), values.end(), [&](std::uint8_t v) {
    const int value = is_signed ? int(std::int8_t(v)) : int(v);
    return is_signed ? value >= -8 && value <= 7 : value <= 15;
  });
  if (!narrow) return bytes(name, shape, type, values);
  std::string packed((values.size() + 1) / 2, '\0');  // the first one in the low half
  for (std::size_t i = 0; i < values.size(); ++i) {
    const int own = (values[i] & 15) << (4 * (i % 2));
    packed[i / 2] = char(static_cast<unsigned char>(packed[i / 2]) | own);
  }
  model_->operators = kNarrowOperators;
  return cast_to_bytes(
      name + "/wide",
      model_->tensor(unique(name), shape, is_signed ? kInt4 : kUint4, std::move(packed)),
      type);
}

std::string OnnxWriter::scalar(float value) {
  auto& name = scalars_[fmt::format("float {:a}", value)];
  if (name.empty()) name = floats("constant", {}, {value});
  return name;
}

std::string OnnxWriter::scalar_int32(std::int32_t value) {
  auto& name = scalars_[fmt::format("int32 {}", value)];
  if (name.empty()) name = int32s("constant", {}, {value});
  return name;
}

std::string OnnxWriter::scalar_int64(std::int64_t value) {
  auto& name = scalars_[fmt::format("int64 {}", value)];
  if (name.empty()) {
    name = model_->tensor(unique("constant"), {}, onnx::TensorProto::INT64,
                          raw(std::vector{value}));
  }
  return name;
}

std::string OnnxWriter::scalar_byte(OnnxBytes type, int value) {
  auto& name = scalars_[fmt::format("byte {} {}", int(type), value)];
  if (name.empty()) name = bytes("constant", {}, type, {std::uint8_t(value)});
  return name;
}

std::string OnnxWriter::node(const std::string& name, const char* operation,
                             const std::vector<std::string>& inputs,
                             const OnnxAttributes& attributes, const char* domain) {
  auto* const node = model_->proto.mutable_graph()->add_node();
  const std::string own = unique(name);
  node->set_name(own);
  node->set_op_type(operation);
  if (*domain != '\0') node->set_domain(domain);
  for (const auto& input : inputs) node->add_input(input);
  node->add_output(own);
  for (const auto& [key, value] : attributes) {
    set_attribute(*node->add_attribute(), key, value);
  }
  return own;
}

std::vector<std::string> OnnxWriter::node_of(const std::string& name,
                                             const char* operation,
                                             const std::vector<std::string>& inputs,
                                             const std::vector<std::string>& parts) {
  auto* const node = model_->proto.mutable_graph()->add_node();
  node->set_name(unique(name));
  node->set_op_type(operation);
  for (const auto& input : inputs) node->add_input(input);
  std::vector<std::string> outputs;
  for (const auto& part : parts) {
    outputs.push_back(unique(name + "/" + part));
    node->add_output(outputs.back());
  }
  return outputs;
}

std::string OnnxWriter::cast_to_float(const std::string& name, const std::string& input) {
  return node(name, "Cast", {input}, {{"to", onnx::TensorProto::FLOAT}});
}

std::string OnnxWriter::cast_to_int32(const std::string& name, const std::string& input) {
  return node(name, "Cast", {input}, {{"to", onnx::TensorProto::INT32}});
}

std::string OnnxWriter::cast_to_bytes(const std::string& name, const std::string& input,
                                      OnnxBytes type) {
  const auto own =
      type == OnnxBytes::kInt8 ? onnx::TensorProto::INT8 : onnx::TensorProto::UINT8;
  return node(name, "Cast", {input}, {{"to", own}});
}

// y = (clip(round(x / scale + zero), least, most) - zero) * scale, where
//   least = -signed * (2^(bits - 1) - narrow)
//   most = 2^(bits - signed) - 1 - narrow * (1 - signed)
void OnnxWriter::define_quant() {
  if (std::exchange(model_->has_functions, true)) return;
  auto& function = *model_->proto.add_functions();
  function.set_name("Quant");
  function.set_domain(kQuantDomain);
  auto* const operators = function.add_opset_import();
  operators->set_domain("");
  operators->set_version(kOperators);
  for (const char* input : {"x", "scale", "zero", "bits"}) function.add_input(input);
  function.add_output("y");
  for (const char* name : {"signed", "narrow"}) {
    function.add_attribute(name);
    auto& attribute = add_constant(function, name);
    attribute.set_name("value_int");
    attribute.set_type(onnx::AttributeProto::INT);
    attribute.set_ref_attr_name(name);
  }
  function.add_attribute("rounding_mode");
  for (const auto& [output, value] : {std::pair{"one", 1.0f}, std::pair{"two", 2.0f}}) {
    auto& attribute = add_constant(function, output);
    attribute.set_name("value_float");
    attribute.set_type(onnx::AttributeProto::FLOAT);
    attribute.set_f(value);
  }
  add_node(function, "CastLike", {"signed", "one"}, "s");
  add_node(function, "CastLike", {"narrow", "one"}, "n");
  add_node(function, "Sub", {"bits", "one"}, "bits_below");
  add_node(function, "Pow", {"two", "bits_below"}, "half");
  add_node(function, "Sub", {"half", "n"}, "reach");
  add_node(function, "Mul", {"s", "reach"}, "depth");
  add_node(function, "Neg", {"depth"}, "least");
  add_node(function, "Sub", {"bits", "s"}, "bits_above");
  add_node(function, "Pow", {"two", "bits_above"}, "full");
  add_node(function, "Sub", {"full", "one"}, "highest");
  add_node(function, "Sub", {"one", "s"}, "unsigned");
  add_node(function, "Mul", {"n", "unsigned"}, "spared");
  add_node(function, "Sub", {"highest", "spared"}, "most");
  add_node(function, "Div", {"x", "scale"}, "steps");
  add_node(function, "Add", {"steps", "zero"}, "shifted");
  add_node(function, "Round", {"shifted"}, "rounded");
  add_node(function, "Max", {"rounded", "least"}, "raised");
  add_node(function, "Min", {"raised", "most"}, "code");
  add_node(function, "Sub", {"code", "zero"}, "centred");
  add_node(function, "Mul", {"centred", "scale"}, "y");
}

std::string OnnxWriter::finish(const std::string& title) {
  auto& proto = model_->proto;
  constexpr int kWithFunctions = 15;  // CastLike
  if (model_->has_functions) {
    model_->operators = std::max(model_->operators, kWithFunctions);
    proto.mutable_functions(0)->mutable_opset_import(0)->set_version(model_->operators);
    auto* const quant = proto.add_opset_import();
    quant->set_domain(kQuantDomain);
    quant->set_version(1);
  }
  // The oldest format that has what was used.
  proto.set_ir_version(model_->operators >= kNarrowOperators ? 10
                       : model_->has_functions               ? 8
                                                             : 7);
  auto* const operators = proto.add_opset_import();
  operators->set_domain("");
  operators->set_version(model_->operators);
  proto.set_producer_name("bitsweep");
  proto.mutable_graph()->set_name(title.empty() ? "bitsweep" : title);
  std::string file;
  ensure(proto.SerializeToString(&file), "a model of less than 2 GB");
  return file;
}

}  // namespace bitsweep
