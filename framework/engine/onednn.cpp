#include "framework/engine/onednn.h"

#include <array>
#include <vector>

#include <dnnl.h>
#include <dnnl.hpp>
#include <fmt/format.h>

#include "framework/core/error.h"
#include "framework/core/parallel.h"

namespace bitsweep::onednn {
namespace {

using dnnl::memory;

const dnnl::engine& cpu() {
  static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

memory::desc plain(memory::dims dims, memory::format_tag tag,
                   memory::data_type type = memory::data_type::f32) {
  return {std::move(dims), type, tag};
}

memory::desc any(memory::dims dims) {
  return plain(std::move(dims), memory::format_tag::any);
}

// A primitive with the memories of one slot, ready to run without building anything: the
// C++ interface makes a map and a vector at each call.
class Call {
 public:
  Call(const dnnl::primitive& primitive,
       std::vector<std::pair<int, memory::desc>> arguments)
      : primitive_(primitive), stream_(cpu()) {
    for (const auto& [index, desc] : arguments) {
      memories_.emplace_back(desc, cpu(), nullptr);
      arguments_.push_back({index, memories_.back().get()});
    }
  }

  template <std::size_t count>
  void run(const std::array<const void*, count>& handles) const {
    for (std::size_t i = 0; i < count; ++i) {
      dnnl_memory_set_data_handle(arguments_[i].memory, const_cast<void*>(handles[i]));
    }
    const auto status = dnnl_primitive_execute(primitive_.get(), stream_.get(),
                                               int(arguments_.size()), arguments_.data());
    ensure(status == dnnl_success, "a primitive that could be made can run");
  }

  // For an argument whose memory stays the same.
  void bind(std::size_t argument, void* handle) {
    dnnl_memory_set_data_handle(arguments_[argument].memory, handle);
  }

 private:
  dnnl::primitive primitive_;
  dnnl::stream stream_;
  std::vector<memory> memories_;
  std::vector<dnnl_exec_arg_t> arguments_;
};

// A call for each slot, each with a scratchpad of its own.
class Calls {
 public:
  Calls() = default;
  Calls(const dnnl::primitive& primitive, const memory::desc& scratchpad, int slots,
        std::vector<std::pair<int, memory::desc>> arguments) {
    const std::size_t scratch_argument = arguments.size();
    arguments.emplace_back(DNNL_ARG_SCRATCHPAD, scratchpad);
    for (int slot = 0; slot < slots; ++slot) {
      scratch_.emplace_back(scratchpad.get_size() / sizeof(float) + 1);
      calls_.emplace_back(primitive, arguments);
      calls_.back().bind(scratch_argument, scratch_.back().data());
    }
  }
  const Call& operator[](int slot) const { return calls_[std::size_t(slot)]; }

 private:
  std::vector<Call> calls_;
  std::vector<Buffer> scratch_;
};

// Between our layout of weights and a primitive's.
class Reorder {
 public:
  Reorder() = default;
  Reorder(const memory::desc& from, const memory::desc& to) {
    dnnl::primitive_attr attributes;
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    const dnnl::reorder::primitive_desc description(cpu(), from, cpu(), to, attributes);
    calls_ = Calls(dnnl::reorder(description), description.scratchpad_desc(), 1,
                   {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}});
  }
  void run(const void* from, const void* to) const {
    calls_[0].run(std::array{from, to});
  }

 private:
  Calls calls_;
};

// Our layout of weights: [group][out][height][width][in], written as strides over
// oneDNN's order of dimensions, (g, o, i, h, w) or without groups (o, i, h, w).
memory::desc our_weights(const ConvolutionGeometry& g, memory::data_type type) {
  const memory::dim in = g.channels_per_group(), h = g.kernel.height, w = g.kernel.width;
  const memory::dim out = g.output.channels / g.groups, filter = h * w * in;
  if (g.groups == 1) return {{out, in, h, w}, type, memory::format_tag::ohwi};
  return {
      {g.groups, out, in, h, w}, type, memory::dims{out * filter, filter, 1, w * in, in}};
}

class OneDnnConvolution final : public Convolution {
 public:
  OneDnnConvolution(const ConvolutionGeometry& g, int images, int slots,
                    bool data_gradient) {
    // Primitives remember the number of threads they were made for; each slice has one.
    const OneThread guard;
    const memory::dim in = g.input.channels, out = g.output.channels;
    const auto x =
        plain({images, in, g.input.height, g.input.width}, memory::format_tag::nhwc);
    const auto y =
        plain({images, out, g.output.height, g.output.width}, memory::format_tag::nhwc);
    const auto b = plain({out}, memory::format_tag::a);
    const auto ours = our_weights(g, memory::data_type::f32);
    const memory::dims weight_dims = ours.dims();
    const memory::dims strides{g.stride.height, g.stride.width};
    const memory::dims before{g.pad.top, g.pad.left}, after{g.pad.bottom, g.pad.right};
    const auto direct = dnnl::algorithm::convolution_direct;
    dnnl::primitive_attr attributes;
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);

    const dnnl::convolution_forward::primitive_desc forward(
        {dnnl::prop_kind::forward_training, direct, x, any(weight_dims), b, y, strides,
         before, after},
        attributes, cpu());
    forward_ = Calls(dnnl::convolution_forward(forward), forward.scratchpad_desc(), slots,
                     {{DNNL_ARG_SRC, x},
                      {DNNL_ARG_DST, y},
                      {DNNL_ARG_WEIGHTS, forward.weights_desc()},
                      {DNNL_ARG_BIAS, b}});
    pack_forward_ = Reorder(ours, forward.weights_desc());
    forward_weights_ = floats_for(forward.weights_desc());
    bias_ = Buffer(std::size_t(out));

    if (data_gradient) {
      const dnnl::convolution_backward_data::primitive_desc backward(
          {direct, x, any(weight_dims), y, strides, before, after}, attributes, cpu(),
          forward);
      backward_data_ = Calls(dnnl::convolution_backward_data(backward),
                             backward.scratchpad_desc(), slots,
                             {{DNNL_ARG_DIFF_DST, y},
                              {DNNL_ARG_DIFF_SRC, x},
                              {DNNL_ARG_WEIGHTS, backward.weights_desc()}});
      pack_backward_ = Reorder(ours, backward.weights_desc());
      backward_weights_packed_ = floats_for(backward.weights_desc());
    }

    const dnnl::convolution_backward_weights::primitive_desc weights(
        {direct, x, any(weight_dims), b, y, strides, before, after}, attributes, cpu(),
        forward);
    weight_gradient_ = Calls(dnnl::convolution_backward_weights(weights),
                             weights.scratchpad_desc(), slots,
                             {{DNNL_ARG_SRC, x},
                              {DNNL_ARG_DIFF_DST, y},
                              {DNNL_ARG_DIFF_WEIGHTS, weights.diff_weights_desc()},
                              {DNNL_ARG_DIFF_BIAS, b}});
    unpack_gradient_ = Reorder(weights.diff_weights_desc(), ours);
    weight_gradient_elements_ = weights.diff_weights_desc().get_size() / sizeof(float);
  }

  void pack_weights(const float* weights, const float* bias) override {
    pack_forward_.run(weights, forward_weights_.data());
    if (!backward_weights_packed_.empty()) {
      pack_backward_.run(weights, backward_weights_packed_.data());
    }
    std::copy(bias, bias + bias_.size(), bias_.data());
  }

  void forward(int slot, const float* x, float* y) const override {
    forward_[slot].run(
        std::array<const void*, 4>{x, y, forward_weights_.data(), bias_.data()});
  }

  void backward_data(int slot, const float* dy, float* dx) const override {
    backward_data_[slot].run(
        std::array<const void*, 3>{dy, dx, backward_weights_packed_.data()});
  }

  void backward_weights(int slot, const float* x, const float* dy, float* dw,
                        float* db) const override {
    weight_gradient_[slot].run(std::array<const void*, 4>{x, dy, dw, db});
  }

  std::size_t weight_gradient_elements() const override {
    return weight_gradient_elements_;
  }

  void unpack_weight_gradient(const float* packed, float* dw) const override {
    unpack_gradient_.run(packed, dw);
  }

 private:
  static Buffer floats_for(const memory::desc& desc) {
    return Buffer(desc.get_size() / sizeof(float));
  }

  Calls forward_, backward_data_, weight_gradient_;
  Reorder pack_forward_, pack_backward_, unpack_gradient_;
  Buffer forward_weights_, backward_weights_packed_, bias_;
  std::size_t weight_gradient_elements_ = 0;
};

class OneDnnByteConvolution final : public ByteConvolution {
 public:
  OneDnnByteConvolution(const ConvolutionGeometry& g, bool is_signed, int images,
                        int slots) {
    const OneThread guard;
    using type = memory::data_type;
    const auto x = plain({images, g.input.channels, g.input.height, g.input.width},
                         memory::format_tag::nhwc, is_signed ? type::s8 : type::u8);
    const auto y = plain({images, g.output.channels, g.output.height, g.output.width},
                         memory::format_tag::nhwc, type::s32);
    const auto ours = our_weights(g, type::s8);
    const memory::desc any_weights(ours.dims(), type::s8, memory::format_tag::any);
    const memory::dims strides{g.stride.height, g.stride.width};
    const memory::dims before{g.pad.top, g.pad.left}, after{g.pad.bottom, g.pad.right};
    dnnl::primitive_attr attributes;
    attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
    const dnnl::convolution_forward::primitive_desc forward(
        {dnnl::prop_kind::forward_inference, dnnl::algorithm::convolution_direct, x,
         any_weights, y, strides, before, after},
        attributes, cpu());
    name_ = forward.impl_info_str();
    forward_ = Calls(dnnl::convolution_forward(forward), forward.scratchpad_desc(), slots,
                     {{DNNL_ARG_SRC, x},
                      {DNNL_ARG_DST, y},
                      {DNNL_ARG_WEIGHTS, forward.weights_desc()}});
    pack_ = Reorder(ours, forward.weights_desc());
    weights_ = Buffer(forward.weights_desc().get_size() / sizeof(float) + 1);
  }

  // Only VNNI and AMX add products in 32 bits; and only the kernels named "brg..." for AMX
  // keep them there to the end. The others scale the sums in float: all, or, "brg..." for
  // VNNI, where a sum is made in several parts.
  bool is_exact(std::int64_t largest) const override {
    const auto has = [this](const char* part) {
      return name_.find(part) != std::string::npos;
    };
    constexpr std::int64_t kLargestExactInFloat = 1 << 24;
    return (has("vnni") || has("amx")) &&
           ((name_.starts_with("brg") && has("amx")) || largest <= kLargestExactInFloat);
  }

  void pack_weights(const std::int8_t* weights) override {
    pack_.run(weights, weights_.data());
  }

  void forward(int slot, const void* x, std::int32_t* y) const override {
    forward_[slot].run(std::array<const void*, 3>{x, y, weights_.data()});
  }

  std::string name() const override { return name_; }

 private:
  std::string name_;
  Calls forward_;
  Reorder pack_;
  Buffer weights_;
};

}  // namespace

std::unique_ptr<ByteConvolution> make_byte_convolution(
    const ConvolutionGeometry& geometry, bool is_signed, int images, int slots) {
  return std::make_unique<OneDnnByteConvolution>(geometry, is_signed, images, slots);
}

std::unique_ptr<Convolution> make_convolution(const ConvolutionGeometry& geometry,
                                              int images, int slots, bool data_gradient) {
  return std::make_unique<OneDnnConvolution>(geometry, images, slots, data_gradient);
}

void matrix_product(int rows, int columns, int inner, MatrixView a, MatrixView b,
                    float beta, float* c, int c_stride) {
  const auto status =
      dnnl_sgemm(a.transposed ? 'T' : 'N', b.transposed ? 'T' : 'N', rows, columns, inner,
                 1.0f, a.values, a.stride, b.values, b.stride, beta, c, c_stride);
  ensure(status == dnnl_success, "a matrix product with valid sizes runs");
}

std::string version() {
  const auto* v = dnnl_version();
  return fmt::format("oneDNN {}.{}.{}", v->major, v->minor, v->patch);
}

}  // namespace bitsweep::onednn
