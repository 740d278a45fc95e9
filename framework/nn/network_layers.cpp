// How the layers of a network are made from those of a model file.

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "framework/core/error.h"
#include "framework/nn/add_layer.h"
#include "framework/nn/concat_layer.h"
#include "framework/nn/layer_kinds.h"
#include "framework/nn/network.h"
#include "framework/nn/residual.h"
#include "framework/nn/slice_layer.h"

namespace bitsweep {
namespace {

const LayerKind& kind_of(const LayerSpec& spec) {
  const auto& table = layer_table();
  const auto found = std::find_if(table.begin(), table.end(), [&](const LayerKind& k) {
    return k.kind == spec.kind;
  });
  if (found != table.end()) return *found;
  std::vector<std::string> known{"residual", "concat"};
  for (const auto& row : table) known.push_back(row.kind);
  const std::string near = nearest_word(spec.kind, known);
  throw ConfigError(
      fmt::format("{}: unknown layer '{}'; {}available: {}", layer_place(spec), spec.kind,
                  near.empty() ? "" : fmt::format("did you mean '{}'? ", near),
                  fmt::join(known, ", ")));
}

}  // namespace

void Network::add(std::unique_ptr<Layer> layer) {
  end_ = &layer->output();
  layers_.push_back(std::move(layer));
}

void Network::append(const std::vector<LayerSpec>& specs) {
  for (const LayerSpec& spec : specs) {
    const bool absorbed = spec.kind == "relu" && !layers_.empty() &&
                          end_ == &layers_.back()->output() && !end_->is_forked &&
                          layers_.back()->absorb_relu();
    if (absorbed) continue;
    if (spec.kind == "residual") {
      append_residual(spec);
    } else if (spec.kind == "concat") {
      append_concat(spec);
    } else {
      auto layer = kind_of(spec).make(spec, *end_, context_);
      if (layer) add(std::move(layer));
    }
  }
}

void Network::append_residual(const LayerSpec& spec) {
  Activation& input = *end_;
  input.is_forked = true;
  const auto body_begin = std::ptrdiff_t(layers_.size());
  append(spec.body);
  const auto body_end = std::ptrdiff_t(layers_.size());
  if (body_end == body_begin) {
    throw ConfigError(
        fmt::format("{}: a residual block needs a body", layer_place(spec)));
  }
  Layer& last = *layers_.back();
  for (auto& layer : make_shortcut(spec, input, last.output().shape, context_)) {
    layers_.push_back(std::move(layer));
  }
  Activation& shortcut =
      std::ptrdiff_t(layers_.size()) == body_end ? input : layers_.back()->output();
  // The shortcut runs first: then the body's last layer can add it in its own pass.
  std::rotate(layers_.begin() + body_begin, layers_.begin() + body_end, layers_.end());
  add(std::make_unique<AddLayer>(spec.name, last, shortcut, context_));
}

void Network::append_concat(const LayerSpec& spec) {
  parse_layer<NoParams>(spec);
  Activation& input = *end_;
  input.is_forked = true;
  std::vector<Activation*> ends;
  for (const LayerSpec& branch : spec.body) {
    end_ = &input;
    append(branch.body);
    ends.push_back(end_);
    const ImageShape &first = ends.front()->shape, &own = end_->shape;
    if (own.height == first.height && own.width == first.width) continue;
    throw ConfigError(fmt::format(
        "{}: branch {} gives images of {}x{}, the first one {}x{}; the branches of a "
        "concat must end with one height and width",
        layer_place(spec), ends.size(), own.height, own.width, first.height,
        first.width));
  }
  if (ends.size() < 2) {
    throw ConfigError(
        fmt::format("{}: a concat needs two branches or more", layer_place(spec)));
  }
  add(std::make_unique<ConcatLayer>(spec.name, ends, context_));
}

}  // namespace bitsweep
