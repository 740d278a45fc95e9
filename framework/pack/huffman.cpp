#include "framework/pack/huffman.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <utility>

#include "framework/pack/huffman_decoder.h"

namespace bitsweep {
namespace {

std::vector<std::uint32_t> used_symbols(std::span<const std::uint64_t> counts) {
  std::vector<std::uint32_t> used;
  for (std::uint32_t symbol = 0; symbol < counts.size(); ++symbol) {
    if (counts[symbol] != 0) used.push_back(symbol);
  }
  return used;
}

/// One level of package-merge: leaves and pairs of the level below, by weight.
struct Level {
  std::vector<std::uint64_t> weights;
  std::vector<std::uint8_t> is_leaf;
};

Level merge_level(std::span<const std::uint64_t> leaves,
                  std::span<const std::uint64_t> below) {
  Level level;
  level.weights.reserve(leaves.size() + below.size() / 2);
  std::size_t leaf = 0, pair = 0;
  while (leaf < leaves.size() || pair + 1 < below.size()) {
    const bool take_leaf =
        pair + 1 >= below.size() ||
        (leaf < leaves.size() && leaves[leaf] <= below[pair] + below[pair + 1]);
    level.is_leaf.push_back(take_leaf);
    if (take_leaf) {
      level.weights.push_back(leaves[leaf++]);
    } else {
      level.weights.push_back(below[pair] + below[pair + 1]);
      pair += 2;
    }
  }
  return level;
}

/// Fields of a table: which lengths occur, and how wide each form's fields are.
struct TableForm {
  int shortest = 0, longest = 0;

  int dense_width() const { return code_width(std::uint64_t(longest - shortest + 2)); }
  int sparse_width() const { return code_width(std::uint64_t(longest - shortest + 1)); }
};

constexpr int kLengthBits = 5;

[[noreturn]] void throw_damaged(const BitReader& in) {
  throw DataError(in.what() + ": not a Huffman table; the data is damaged");
}

std::vector<std::uint32_t> read_sparse_symbols(BitReader& in, std::uint32_t alphabet,
                                               const TableForm& form,
                                               std::vector<std::uint8_t>& lengths) {
  const std::uint32_t count = in.read(code_width(std::uint64_t(alphabet) + 1));
  std::vector<std::uint32_t> used;
  std::uint64_t next = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    next += read_gamma(in);
    if (next > alphabet) throw_damaged(in);
    used.push_back(std::uint32_t(next - 1));
    lengths[next - 1] =
        std::uint8_t(std::uint32_t(form.shortest) + in.read(form.sparse_width()));
  }
  return used;
}

std::vector<std::uint32_t> read_dense_symbols(BitReader& in, std::uint32_t alphabet,
                                              const TableForm& form,
                                              std::vector<std::uint8_t>& lengths) {
  std::vector<std::uint32_t> used;
  for (std::uint32_t symbol = 0; symbol < alphabet; ++symbol) {
    const std::uint32_t field = in.read(form.dense_width());
    if (field == 0) continue;
    used.push_back(symbol);
    lengths[symbol] = std::uint8_t(std::uint32_t(form.shortest) + field - 1);
  }
  return used;
}

/// Kraft's sum must be 1: then every string of bits is a string of words.
bool is_complete(std::span<const std::uint8_t> lengths,
                 std::span<const std::uint32_t> used) {
  if (used.size() < 2) {
    return std::ranges::all_of(used, [&](auto symbol) { return lengths[symbol] == 0; });
  }
  std::uint64_t sum = 0;
  for (const std::uint32_t symbol : used) {
    const int length = lengths[symbol];
    if (length < 1 || length > kLongestHuffmanCode) return false;
    sum += std::uint64_t(1) << (kLongestHuffmanCode - length);
  }
  return sum == std::uint64_t(1) << kLongestHuffmanCode;
}

}  // namespace

std::vector<std::uint64_t> count_symbols(std::span<const std::uint32_t> symbols,
                                         std::uint32_t alphabet) {
  std::vector<std::uint64_t> counts(alphabet);
  for (const std::uint32_t symbol : symbols) {
    ensure(symbol < alphabet, "a symbol lies within its alphabet");
    ++counts[symbol];
  }
  return counts;
}

std::vector<std::uint8_t> huffman_lengths(std::span<const std::uint64_t> counts,
                                          int longest) {
  std::vector<std::uint8_t> lengths(counts.size());
  std::vector<std::uint32_t> order = used_symbols(counts);
  if (order.size() < 2) return lengths;
  ensure(longest < 32 && order.size() <= std::size_t(1) << longest,
         "each symbol has a word of its own");
  std::ranges::stable_sort(order, {}, [&](auto symbol) { return counts[symbol]; });
  std::vector<std::uint64_t> leaves;
  for (const std::uint32_t symbol : order) leaves.push_back(counts[symbol]);

  std::vector<Level> levels;
  for (int i = 0; i < longest; ++i) {
    levels.push_back(merge_level(leaves, levels.empty()
                                             ? std::vector<std::uint64_t>{}
                                             : std::exchange(levels.back().weights, {})));
  }
  // The cheapest 2n - 2 items of the top level, taken apart: a leaf adds a bit to its
  // word.
  std::size_t taken = 2 * leaves.size() - 2;
  for (auto level = levels.rbegin(); level != levels.rend() && taken > 0; ++level) {
    const auto end = level->is_leaf.begin() + std::ptrdiff_t(taken);
    const auto leaf_count = std::size_t(std::count(level->is_leaf.begin(), end, 1));
    for (std::size_t i = 0; i < leaf_count; ++i) ++lengths[order[i]];
    taken = 2 * (taken - leaf_count);
  }
  return lengths;
}

std::vector<std::uint32_t> canonical_words(std::span<const std::uint8_t> lengths) {
  std::array<std::uint32_t, 34> count{}, next{};
  for (const std::uint8_t length : lengths) ++count[length];
  count[0] = 0;
  for (std::size_t length = 1; length < 33; ++length) {
    next[length + 1] = (next[length] + count[length]) << 1;
  }
  std::vector<std::uint32_t> words(lengths.size());
  for (std::size_t i = 0; i < lengths.size(); ++i) {
    if (lengths[i] != 0) words[i] = next[lengths[i]]++;
  }
  return words;
}

HuffmanCode::HuffmanCode(std::span<const std::uint64_t> counts)
    : lengths_(huffman_lengths(counts)), used_(used_symbols(counts)) {
  ensure(counts.size() <= kLargestAlphabet, "a symbol has 16 bits");
}

HuffmanCode::HuffmanCode(BitReader& in, std::uint32_t alphabet) : lengths_(alphabet) {
  const bool sparse = in.read(1) != 0;
  TableForm form;
  form.shortest = int(in.read(kLengthBits));
  form.longest = int(in.read(kLengthBits));
  if (form.shortest > form.longest || form.longest > kLongestHuffmanCode) {
    throw_damaged(in);
  }
  used_ = sparse ? read_sparse_symbols(in, alphabet, form, lengths_)
                 : read_dense_symbols(in, alphabet, form, lengths_);
  if (!is_complete(lengths_, used_)) throw_damaged(in);
}

void HuffmanCode::write_table(BitWriter& out) const {
  TableForm form;
  if (used_.size() > 1) {
    form.shortest = kLongestHuffmanCode;
    for (const std::uint32_t symbol : used_) {
      form.shortest = std::min<int>(form.shortest, lengths_[symbol]);
      form.longest = std::max<int>(form.longest, lengths_[symbol]);
    }
  }
  std::vector<std::uint8_t> field(lengths_.size());
  for (const std::uint32_t symbol : used_) {
    field[symbol] = std::uint8_t(lengths_[symbol] - form.shortest + 1);
  }
  const int count_bits = code_width(lengths_.size() + 1);
  std::uint64_t sparse_bits = std::uint64_t(count_bits);
  std::uint32_t previous = std::uint32_t(-1);
  for (const std::uint32_t symbol : used_) {
    sparse_bits += gamma_bits(symbol - previous) + std::uint64_t(form.sparse_width());
    previous = symbol;
  }
  const bool is_sparse =
      sparse_bits < lengths_.size() * std::uint64_t(form.dense_width());
  out.write(is_sparse, 1);
  out.write(std::uint32_t(form.shortest), kLengthBits);
  out.write(std::uint32_t(form.longest), kLengthBits);
  if (!is_sparse) {
    for (const std::uint8_t value : field) out.write(value, form.dense_width());
    return;
  }
  out.write(std::uint32_t(used_.size()), count_bits);
  previous = std::uint32_t(-1);
  for (const std::uint32_t symbol : used_) {
    write_gamma(out, symbol - previous);
    out.write(field[symbol] - 1u, form.sparse_width());
    previous = symbol;
  }
}

std::uint64_t HuffmanCode::bits(std::span<const std::uint64_t> counts) const {
  return std::inner_product(counts.begin(), counts.end(), lengths_.begin(),
                            std::uint64_t(0));
}

void HuffmanCode::encode(std::span<const std::uint32_t> symbols, BitWriter& out) const {
  std::vector<std::uint32_t> words = canonical_words(lengths_);
  for (const std::uint32_t symbol : used_) {
    words[symbol] = reversed_bits(words[symbol], lengths_[symbol]);
  }
  for (const std::uint32_t symbol : symbols) out.write(words[symbol], lengths_[symbol]);
}

void HuffmanCode::decode(BitReader& in, std::span<std::uint32_t> symbols) const {
  if (symbols.empty()) return;
  if (used_.empty()) throw_damaged(in);
  if (used_.size() == 1) {
    std::ranges::fill(symbols, used_[0]);
    return;
  }
  HuffmanDecoder(lengths_, used_).decode(in, symbols);
}

}  // namespace bitsweep
