#include "framework/pack/code_stream.h"

#include <algorithm>
#include <cmath>
#include <map>

#include <fmt/format.h>

#include "framework/core/error.h"
#include "framework/pack/bit_stream.h"
#include "framework/pack/huffman.h"
#include "framework/pack/sparse.h"

namespace bitsweep {
namespace {

using Codes = std::span<const std::uint32_t>;

constexpr std::array<std::string_view, kCodings.size()> kNames = {
    "fixed",          "sparse_fixed", "huffman",
    "sparse_huffman", "arithmetic",   "arithmetic_symbols"};

constexpr int kSkipWidthBits = 5;

bool is_sparse(Coding coding) {
  return coding == Coding::sparse_fixed || coding == Coding::sparse_huffman;
}

std::uint32_t centre(const CodeLayout& layout) {
  return layout.zero.value_or(layout.alphabet / 2);
}

/// Any number of entries from 0 to one an element.
int entry_count_bits(const CodeLayout& layout) {
  return code_width(std::uint64_t(layout.count()) + 1);
}

void check_layout(const CodeLayout& layout) {
  ensure(1 <= layout.alphabet && layout.alphabet <= kLargestAlphabet,
         "a code has at most 16 bits");
  ensure(!layout.zero || *layout.zero < layout.alphabet, "zero is one of the codes");
  ensure(layout.count() <= 0xffffffff, "a count of codes has 32 bits");
}

/// Adds the bits that `write` writes to `bits`.
template <class Write>
void write_counted(BitWriter& out, std::uint64_t& bits, const Write& write) {
  const std::uint64_t before = out.bit_count();
  write();
  bits += out.bit_count() - before;
}

void write_huffman(BitWriter& out, Codes symbols, std::uint32_t alphabet,
                   std::uint64_t& table_bits, std::uint64_t& symbol_bits) {
  const HuffmanCode code(count_symbols(symbols, alphabet));
  write_counted(out, table_bits, [&] { code.write_table(out); });
  write_counted(out, symbol_bits, [&] { code.encode(symbols, out); });
}

void write_fields(BitWriter& out, Codes symbols, std::uint32_t alphabet,
                  std::uint64_t& bits) {
  const int width = code_width(alphabet);
  write_counted(out, bits, [&] {
    for (const std::uint32_t symbol : symbols) out.write(symbol, width);
  });
}

/// How often each number of zeros stands before another code.
std::map<std::uint64_t, std::uint64_t> gap_counts(Codes codes, std::uint32_t zero) {
  std::map<std::uint64_t, std::uint64_t> gaps;
  std::vector<std::uint64_t> short_gaps(1024);
  std::uint64_t gap = 0;
  for (const std::uint32_t code : codes) {
    if (code == zero) {
      ++gap;
      continue;
    }
    ++(gap < short_gaps.size() ? short_gaps[gap] : gaps[gap]);
    gap = 0;
  }
  for (std::size_t i = 0; i < short_gaps.size(); ++i) {
    if (short_gaps[i] != 0) gaps[i] = short_gaps[i];
  }
  return gaps;
}

std::uint64_t huffman_bits(std::span<const std::uint64_t> counts) {
  BitWriter table;
  const HuffmanCode code(counts);
  code.write_table(table);
  return table.bit_count() + code.bits(counts);
}

/// The width of an index that makes a sparse coding smallest.
int best_skip_bits(Coding coding, Codes codes, const CodeLayout& layout) {
  const auto gaps = gap_counts(codes, *layout.zero);
  std::vector<std::uint64_t> code_counts = count_symbols(codes, layout.alphabet);
  code_counts[*layout.zero] = 0;
  std::uint64_t best_bits = ~std::uint64_t(0);
  int best = 0;
  for (int skip_bits = 0; skip_bits <= kWidestSkip; ++skip_bits) {
    std::vector<std::uint64_t> skip_counts(std::size_t(1) << skip_bits);
    std::uint64_t fillers = 0, entries = 0;
    for (const auto& [gap, count] : gaps) {
      fillers += (gap >> skip_bits) * count;
      entries += count;
      skip_counts[low_bits(gap, skip_bits)] += count;
    }
    skip_counts.back() += fillers;
    code_counts[*layout.zero] = fillers;
    const std::uint64_t bits =
        coding == Coding::sparse_fixed
            ? (entries + fillers) * std::uint64_t(skip_bits + code_width(layout.alphabet))
            : huffman_bits(skip_counts) + huffman_bits(code_counts);
    if (bits < best_bits) {
      best_bits = bits;
      best = skip_bits;
    }
  }
  return best;
}

CodeStream encode_sparse(Coding coding, Codes codes, const CodeLayout& layout) {
  if (!layout.zero) {
    throw ConfigError(
        fmt::format("coding {}: there is no code that means zero; "
                    "take 'fixed', 'huffman', 'arithmetic' or 'arithmetic_symbols'",
                    coding_name(coding)));
  }
  const SparseCodes sparse =
      to_sparse(codes, *layout.zero, best_skip_bits(coding, codes, layout));
  const std::uint32_t skip_alphabet = std::uint32_t(1) << sparse.skip_bits;
  BitWriter out;
  CodeBits bits;
  write_counted(out, bits.tables, [&] {
    out.write(std::uint32_t(sparse.codes.size()), entry_count_bits(layout));
    out.write(std::uint32_t(sparse.skip_bits), kSkipWidthBits);
  });
  if (coding == Coding::sparse_fixed) {
    write_fields(out, sparse.codes, layout.alphabet, bits.codes);
    write_fields(out, sparse.skips, skip_alphabet, bits.indices);
  } else {
    write_huffman(out, sparse.codes, layout.alphabet, bits.tables, bits.codes);
    write_huffman(out, sparse.skips, skip_alphabet, bits.tables, bits.indices);
  }
  return {coding, out.bytes(), bits};
}

std::vector<std::uint32_t> read_symbols(BitReader& in, bool is_huffman,
                                        std::uint32_t alphabet, std::size_t count) {
  std::vector<std::uint32_t> symbols(count);
  if (is_huffman) {
    HuffmanCode(in, alphabet).decode(in, symbols);
  } else {
    const int width = code_width(alphabet);
    for (std::uint32_t& symbol : symbols) symbol = in.read(width);
  }
  return symbols;
}

SparseCodes read_sparse(BitReader& in, Coding coding, const CodeLayout& layout) {
  const bool is_huffman = coding == Coding::sparse_huffman;
  const std::uint32_t entries = in.read(entry_count_bits(layout));
  const auto skip_bits = int(in.read(kSkipWidthBits));
  if (entries > layout.count() || skip_bits > kWidestSkip) {
    throw DataError(
        fmt::format("sparse codes: {} entries of {} bits for {} elements; "
                    "the data is damaged",
                    entries, skip_bits, layout.count()));
  }
  SparseCodes sparse{.skip_bits = skip_bits};
  sparse.codes = read_symbols(in, is_huffman, layout.alphabet, entries);
  sparse.skips = read_symbols(in, is_huffman, std::uint32_t(1) << skip_bits, entries);
  return sparse;
}

void check_codes(Codes codes, std::uint32_t alphabet) {
  const auto largest = std::ranges::max_element(codes);
  if (largest != codes.end() && *largest >= alphabet) {
    throw DataError(
        fmt::format("codes: found {}, expected codes below {}; the data is "
                    "damaged",
                    *largest, alphabet));
  }
}

}  // namespace

std::string_view coding_name(Coding coding) { return kNames[std::size_t(coding)]; }

Coding coding_named(std::string_view name) {
  const auto found = std::ranges::find(kNames, name);
  if (found == kNames.end()) {
    throw DataError(
        fmt::format("coding: unknown '{}'; there are {}", name, fmt::join(kNames, ", ")));
  }
  return kCodings[std::size_t(found - kNames.begin())];
}

CodeStream encode_as(Coding coding, Codes codes, const CodeLayout& layout) {
  check_layout(layout);
  ensure(codes.size() == layout.count(), "a layout has as many codes as the tensor");
  if (is_sparse(coding)) return encode_sparse(coding, codes, layout);
  CodeStream stream{.coding = coding};
  if (coding == Coding::arithmetic) {
    stream.bytes =
        arithmetic_encode(codes, layout.alphabet, centre(layout), layout.shape);
    stream.bits.codes = stream.bytes.size() * 8;
  } else if (coding == Coding::arithmetic_symbols) {
    stream.bytes = arithmetic_encode_symbols(codes, layout.alphabet);
    stream.bits.codes = stream.bytes.size() * 8;
  } else if (coding == Coding::huffman) {
    BitWriter out;
    write_huffman(out, codes, layout.alphabet, stream.bits.tables, stream.bits.codes);
    stream.bytes = out.bytes();
  } else {
    const int width = code_width(layout.alphabet);
    stream.bytes = pack_codes(codes, width);
    stream.bits.codes = codes.size() * std::uint64_t(width);
  }
  return stream;
}

CodeStream encode_smallest(Codes codes, const CodeLayout& layout) {
  CodeStream smallest = encode_as(Coding::fixed, codes, layout);
  for (const Coding coding : kCodings) {
    if (is_sparse(coding) && !layout.zero) continue;
    CodeStream stream = encode_as(coding, codes, layout);
    if (stream.bytes.size() < smallest.bytes.size()) smallest = std::move(stream);
  }
  return smallest;
}

std::vector<std::uint32_t> decode(Coding coding, std::span<const std::uint8_t> bytes,
                                  const CodeLayout& layout) {
  check_layout(layout);
  std::vector<std::uint32_t> codes(layout.count());
  if (coding == Coding::arithmetic) {
    arithmetic_decode(bytes, layout.alphabet, centre(layout), layout.shape, codes);
    return codes;
  }
  if (coding == Coding::arithmetic_symbols) {
    arithmetic_decode_symbols(bytes, layout.alphabet, codes);
    return codes;
  }
  if (coding == Coding::fixed) {
    unpack_codes(bytes, code_width(layout.alphabet), codes);
    check_codes(codes, layout.alphabet);
    return codes;
  }
  BitReader in(bytes, std::string(coding_name(coding)) + " codes");
  if (coding == Coding::huffman) {
    HuffmanCode(in, layout.alphabet).decode(in, codes);
  } else {
    ensure(layout.zero.has_value(), "sparse codes have a zero");
    const SparseCodes sparse = read_sparse(in, coding, layout);
    check_codes(sparse.codes, layout.alphabet);
    from_sparse(sparse, *layout.zero, codes);
  }
  in.expect_end();
  return codes;
}

double entropy_bits(Codes codes, std::uint32_t alphabet) {
  double bits = 0;
  for (const std::uint64_t count : count_symbols(codes, alphabet)) {
    if (count != 0)
      bits -= double(count) * std::log2(double(count) / double(codes.size()));
  }
  return bits;
}

}  // namespace bitsweep
