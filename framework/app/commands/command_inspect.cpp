// bitsweep inspect: what a packed model's file is made of, byte by byte of purpose.

#include <algorithm>

#include <fmt/format.h>

#include "framework/app/commands/commands.h"
#include "framework/app/model_argument.h"
#include "framework/eval/layer_storage.h"
#include "framework/pack/executor.h"
#include "framework/report/table.h"

namespace bitsweep {
namespace {

std::string in_bytes(std::uint64_t bits) {
  if (bits == 0) return "";
  return bits % 8 == 0 ? fmt::format("{}", bits / 8) : fmt::format("{:.1f}", bits / 8.0);
}

std::string extents(const std::vector<std::int64_t>& shape) {
  return fmt::format("{}", fmt::join(shape, "x"));
}

std::string percent(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? "" : fmt::format("{:.1f}", 100.0 * double(part) / double(whole));
}

std::vector<std::string> cells_of(const PurposeBits& bits) {
  return {in_bytes(bits.codes), in_bytes(bits.indices), in_bytes(bits.tables),
          in_bytes(bits.books), in_bytes(bits.scales),  in_bytes(bits.floats),
          in_bytes(bits.rest),  in_bytes(bits.total())};
}

// Codes whose grid follows from other tensors' (biases) are stored at their whole width.
std::string coding_of(const StoredTensorBits& tensor) {
  if (tensor.coding) return std::string(coding_name(*tensor.coding));
  return tensor.bits.codes > 0 ? "fixed" : "float";
}

void add_row(Table& table, std::vector<Cell> cells, const PurposeBits& bits) {
  for (auto& cell : cells_of(bits)) cells.emplace_back(std::move(cell));
  table.rows.push_back({.group = "", .cells = std::move(cells)});
}

Table tensor_table(const ModelBits& bits) {
  Table table;
  table.columns = {{"tensor"},
                   {"shape"},
                   {"nonzero (%)", Align::kRight},
                   {"bits", Align::kRight},
                   {"coding"},
                   {"entropy bound", Align::kRight}};
  for (const char* heading : {"codes", "indices", "tables", "code books", "scales",
                              "float", "other", "total"}) {
    table.columns.push_back({heading, Align::kRight});
  }
  for (const auto& tensor : bits.tensors) {
    add_row(table,
            {tensor.name, extents(tensor.shape), percent(tensor.nonzero, tensor.elements),
             fmt::format("{}", tensor.width), coding_of(tensor),
             tensor.coding ? fmt::format("{:.1f}", tensor.entropy / 8) : ""},
            tensor.bits);
  }
  add_row(table, {"graph and frame", "", "", "", "", ""}, bits.rest);
  add_row(table, {"file", "", "", "", "", ""}, bits.total());
  return table;
}

Table kernel_table(const Executor& executor) {
  Table table;
  table.columns = {{"layer"},
                   {"multiply-accumulates", Align::kRight},
                   {"weight bits", Align::kRight},
                   {"input bits", Align::kRight},
                   {"largest possible sum", Align::kRight},
                   {"kernel"},
                   {"why in float"}};
  for (const ProductPlan& p : executor.products()) {
    table.rows.push_back(
        {.group = "",
         .cells = {p.layer, fmt::format("{}", p.multiply_accumulates),
                   fmt::format("{}", p.weight_bits), fmt::format("{}", p.input_bits),
                   p.kernel == "float" ? "" : fmt::format("{:.0f}", p.largest_sum),
                   p.kernel, p.reason}});
  }
  return table;
}

// Deep Compression's columns, and the file's own share.
Table layer_table(const PackedModel& model, const ModelBits& bits) {
  const auto number = [](const char* heading, const char* id, int digits) {
    return Column{.heading = heading, .align = Align::kRight, .id = id, .digits = digits};
  };
  Table table;
  table.columns = {{"layer"},
                   number("weights", "weights", 0),
                   number("nonzero (%)", "nonzero_percent", 1),
                   number("weight bits", "weight_bits", 1),
                   number("with Huffman", "huffman_weight_bits", 1),
                   number("index bits", "index_bits", 1),
                   number("with Huffman", "huffman_index_bits", 1),
                   number("rate (%)", "rate_percent", 2),
                   number("with Huffman (%)", "huffman_rate_percent", 2),
                   number("file (%)", "file_rate_percent", 2),
                   number("file (bytes)", "file_bytes", 0)};
  for (const LayerStorage& l : layer_storage(model, bits)) {
    const auto index = [&](std::uint64_t all) {
      return l.index_bits == 0 ? Cell{} : Cell{l.each(all)};
    };
    table.rows.push_back(
        {.group = "",
         .cells = {l.layer, double(l.weights), 100 * l.kept_share(), l.each(l.code_bits),
                   l.each(l.huffman_code_bits), index(l.index_bits),
                   index(l.huffman_index_bits), 100 * l.rate(l.plain_bits),
                   100 * l.rate(l.huffman_bits), 100 * l.rate(l.file_bits),
                   double((l.file_bits + 7) / 8)}});
  }
  return table;
}

struct Ratios {
  double nominal, with_everything;
};

// Against the same tensors and constants in float32. Nominal: codes at their width and
// their scales and books, what is float at 32 bits, no entropy coding and nothing else.
Ratios ratios_of(const PackedModel& model, const ModelBits& bits) {
  std::uint64_t floats = bits.rest.floats, nominal = bits.rest.floats;
  for (const NetworkTensor& tensor : model.tensors) {
    floats += 32 * tensor.elements();
    nominal += tensor.encoded ? std::uint64_t(tensor.encoded->nominal_bits().total())
                              : 32 * tensor.elements();
  }
  return {double(floats) / double(nominal),
          double(floats) / double(bits.total().total())};
}

// "block1/projection/input: read by block1/projection, block1/conv1": quantizers that
// serve several layers.
std::string shared_quantizers(const Graph& graph) {
  std::string text;
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    if (graph.nodes[i].operation != Operation::kQuantize) continue;
    std::vector<std::string> readers;
    for (const GraphNode& node : graph.nodes) {
      const bool reads = std::find(node.inputs.begin(), node.inputs.end(), int(i) + 1) !=
                         node.inputs.end();
      if (reads) readers.push_back(node.name);
    }
    if (readers.size() < 2) continue;
    text +=
        fmt::format("- {}: read by {}\n", graph.nodes[i].name, fmt::join(readers, ", "));
  }
  return text;
}

int inspect(const Arguments& arguments, Session&) {
  const PackedModel model = model_of(arguments.positional(0));
  ModelBits bits;
  model_bytes(model, &bits);
  if (arguments.has("layers")) {
    const Table layers = layer_table(model, bits);
    print_out(arguments.has("csv") ? csv(layers) : markdown(layers));
    return 0;
  }
  if (arguments.has("csv")) {
    print_out(csv(tensor_table(bits)));
    return 0;
  }
  const Ratios ratios = ratios_of(model, bits);
  std::string text = fmt::format(
      "{}\n\n- data: {}\n- input: {}x{}x{}, {}\n- file: {} bytes, {:.2f}x smaller than "
      "float32 (nominal, codes at their width: {:.2f}x)\n\n",
      model.title.empty() ? "a packed model" : model.title, model.dataset,
      model.graph.image.height, model.graph.image.width, model.graph.image.channels,
      fmt::format("{} classes", model.graph.classes), bits.total().total() / 8,
      ratios.with_everything, ratios.nominal);
  if (depends_on_batch(model)) {
    text +=
        "Ranges of activations are found at run time, of each batch: results depend on "
        "the number of images in it.\n\n";
  }
  text += "Bytes by purpose:\n\n" + markdown(tensor_table(bits));
  if (const auto shared = shared_quantizers(model.graph); !shared.empty()) {
    text += "\nQuantized once for several layers:\n\n" + shared;
  }
  text += "\nExecution:\n\n" + markdown(kernel_table(Executor(model, {.batch = 16})));
  print_out(text);
  return 0;
}

}  // namespace

Command inspect_command() {
  return {
      {.command = "inspect",
       .summary = "Show what a packed model is made of, and how it executes.",
       .positionals = {{"FILE", "A packed model, or the record of a run (.h5)."}},
       .options =
           {{.name = "layers",
             .value = "",
             .help =
                 "Layer by layer: weights that are not 0, bits of a weight and of its "
                 "index, without and with Huffman coding, and the share of "
                 "float32, as Deep Compression's tables have them."},
            {.name = "csv",
             .value = "",
             .help = "The table of layers, or of tensors, as CSV."}}},
      inspect};
}

}  // namespace bitsweep
