#include "framework/train/network_state.h"

#include "framework/nn/pruned_site.h"

namespace bitsweep {
namespace {

// A quantizer's own visitor, as a part of the run's.
class QuantizerPart final : public StateVisitor {
 public:
  QuantizerPart(SavedStateVisitor& visitor, std::string prefix)
      : visitor_(visitor), prefix_(std::move(prefix)) {}
  void values(const char* name, std::vector<float>& values) override {
    visitor_.values(prefix_ + name, values);
  }

 private:
  SavedStateVisitor& visitor_;
  std::string prefix_;
};

void visit_site(BoundSite& bound, SavedStateVisitor& visitor) {
  const std::string name = "sites/" + bound.site.name;
  visitor.value(name + "/is_awake", bound.is_awake);
  visitor.value(name + "/is_on", bound.is_on);
  std::vector<float> kept = bound.kept;
  visitor.values(name + "/kept", kept);
  if (kept != bound.kept) {
    if (bound.latent == nullptr || kept.size() != bound.latent->value.size()) {
      throw StateError("its '" + name + "/kept' is no mask of these weights");
    }
    set_kept(bound, std::move(kept));
  }
  if (!bound.is_quantized()) return;
  for (Parameter* learned : bound.quantizer->trainable()) {
    visitor.tensor(name + "/learned/" + learned->name, learned->value.span());
  }
  QuantizerPart part(visitor, name + "/quantizer/");
  at_site(bound, [&] { bound.quantizer->visit_state(part); });
}

}  // namespace

void visit_network(Network& network, SavedStateVisitor& visitor) {
  for (StateTensor& tensor : network.state()) {
    visitor.tensor("network/" + tensor.name, tensor.values);
  }
  for (BoundSite* bound : network.sites()) visit_site(*bound, visitor);
}

}  // namespace bitsweep
