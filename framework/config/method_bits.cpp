#include "framework/config/method_bits.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace bitsweep {
namespace {

constexpr std::array kWidths = {"weight_bits", "activation_bits", "gradient_bits"};

const std::vector<FieldInfo>* fields_of(const Node& method,
                                        const MethodCatalog& methods) {
  const Node* id = method.is_word() ? &method : method.find("id");
  return id && id->is_word() ? methods.fields(id->word) : nullptr;
}

bool has_field(const std::vector<FieldInfo>& fields, std::string_view name) {
  return std::any_of(fields.begin(), fields.end(),
                     [&](const FieldInfo& field) { return field.name == name; });
}

// The widths that `bits` gives, or none with a problem.
std::vector<Node> widths_in(const Node& bits, Problems& problems) {
  if (bits.is_word()) return {bits, bits};
  const auto is_word = [](const Node& item) { return item.is_word(); };
  const bool is_pair =
      bits.is_list() && (bits.items.size() == 2 || bits.items.size() == 3);
  if (is_pair && std::all_of(bits.items.begin(), bits.items.end(), is_word)) {
    return bits.items;
  }
  problems.add(bits,
               "a width for weights and activations is expected, or one each: 4, [2, 4] "
               "or [2, 4, 8] with gradients; for several rows a list of these pairs: "
               "[[2, 2], [4, 4]]");
  return {};
}

}  // namespace

bool has_short_bits(const Node& method, const MethodCatalog& methods) {
  const auto* fields = fields_of(method, methods);
  return method.find("bits") && fields && !has_field(*fields, "bits");
}

Node with_long_bits(Node method, const MethodCatalog& methods, Problems& problems,
                    const std::string& yielding_file) {
  if (!has_short_bits(method, methods)) return method;
  const auto* fields = fields_of(method, methods);
  const Node bits = *method.find("bits");
  method.erase("bits");
  const auto widths = widths_in(bits, problems);
  for (std::size_t i = 0; i < widths.size(); ++i) {
    Node width = widths[i];
    width.place = bits.place;
    width.path = fmt::format("{} ({})", bits.path, kWidths[i]);  // ranges may differ
    // One width for all means those that the method has: of a weights-only one, weights.
    if (bits.is_word() && i > 0 && !has_field(*fields, kWidths[i])) continue;
    const Node* given = method.find(kWidths[i]);
    const bool yields =
        given && !yielding_file.empty() && given->place.file == yielding_file;
    if (given && !yields) {
      problems.add(bits, fmt::format("given beside '{}'; keep one of them", kWidths[i]));
    } else if (!has_field(*fields, kWidths[i])) {
      problems.add(bits,
                   fmt::format("'{}' has no {}; give the widths that it has by name",
                               method.find("id")->word, kWidths[i]));
    } else {
      method.set(kWidths[i], std::move(width));
    }
  }
  return method;
}

Settings with_long_bits(const Settings& choices, const Node& method) {
  Settings all;
  for (const auto& choice : choices) {
    if (choice.first != "method.bits" || method.find("bits")) {
      all.push_back(choice);
      continue;
    }
    for (const char* name : kWidths) {
      if (const Node* width = method.find(name)) {
        all.emplace_back(fmt::format("method.{}", name), width->word);
      }
    }
  }
  return all;
}

}  // namespace bitsweep
