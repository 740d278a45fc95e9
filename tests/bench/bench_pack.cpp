// How many codes a second the coding layer packs and unpacks on one thread, in millions,
// and how many bits a code takes.
//   bench_pack [part of a name]

#include <algorithm>
#include <chrono>
#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "framework/core/random.h"
#include "framework/pack/bit_stream.h"
#include "framework/pack/code_stream.h"

namespace {

using namespace bitsweep;

using Codes = std::vector<std::uint32_t>;

constexpr CodeShape kShape{500, 4000};

/// Normal weights on 32 levels, rounded: about 3.9 bits a code.
Codes dense_codes() {
  const RandomStream random(1, "dense");
  Codes codes(kShape.rows * kShape.columns);
  for (std::size_t i = 0; i < codes.size(); ++i) {
    const double x = 16 + 4 * random.normal_at(std::uint32_t(i));
    codes[i] = std::uint32_t(std::clamp(std::lround(x), 0L, 31L));
  }
  return codes;
}

/// The same with a share of them left, in rows and columns of differing density.
Codes pruned_codes(double left) {
  const RandomStream random(1, "pruned");
  Codes codes = dense_codes();
  for (std::size_t i = 0; i < codes.size(); ++i) {
    const auto row = std::uint32_t(i / kShape.columns);
    const auto column = std::uint32_t(i % kShape.columns);
    const double share =
        left * 4 * random.uniform_at(row) * random.uniform_at(1000 + column);
    if (random.uniform_at(std::uint32_t(10000 + i)) > share) codes[i] = 16;
  }
  return codes;
}

/// Seconds of one call: the best of five.
double seconds(const std::function<void()>& call) {
  using Clock = std::chrono::steady_clock;
  double best = 1e9;
  for (int i = 0; i < 5; ++i) {
    const auto start = Clock::now();
    call();
    best = std::min(best, std::chrono::duration<double>(Clock::now() - start).count());
  }
  return best;
}

struct Bench {
  std::string filter;

  void operator()(const std::string& name, std::size_t codes, double bits,
                  const std::function<void()>& pack,
                  const std::function<void()>& unpack) {
    if (name.find(filter) == std::string::npos) return;
    fmt::print("{:<28} {:>7.3f} bits  pack {:>7.1f} M/s  unpack {:>7.1f} M/s\n", name,
               bits / double(codes), double(codes) / seconds(pack) * 1e-6,
               double(codes) / seconds(unpack) * 1e-6);
  }
};

void bench_fields(Bench& bench) {
  for (const int width : {0, 1, 2, 3, 4, 5, 6, 7, 8, 12, 16, 17, 25, 31, 32}) {
    Codes codes = dense_codes();
    for (auto& code : codes) code = std::uint32_t(low_bits(code * 0x9e3779b9u, width));
    const auto bytes = pack_codes(codes, width);
    Codes back(codes.size());
    bench(
        fmt::format("fields of {}", width), codes.size(), double(bytes.size()) * 8,
        [&] { pack_codes(codes, width); }, [&] { unpack_codes(bytes, width, back); });
  }
}

void bench_codings(Bench& bench, const std::string& name, const Codes& codes) {
  const CodeLayout layout{.alphabet = 32, .zero = 16, .shape = kShape};
  if (name.find(bench.filter) != std::string::npos) {
    fmt::print("{:<28} {:>7.3f} bits\n", name + ": entropy",
               entropy_bits(codes, 32) / double(codes.size()));
  }
  for (const Coding coding : kCodings) {
    const CodeStream stream = encode_as(coding, codes, layout);
    bench(
        fmt::format("{}: {}", name, coding_name(coding)), codes.size(),
        double(stream.bits.total()), [&] { encode_as(coding, codes, layout); },
        [&] { decode(coding, stream.bytes, layout); });
  }
}

}  // namespace

int main(int argc, char** argv) {
  Bench bench{argc > 1 ? argv[1] : ""};
  bench_fields(bench);
  bench_codings(bench, "dense", dense_codes());
  for (const double left : {0.3, 0.08, 0.01}) {
    bench_codings(bench, fmt::format("{:g} % left", 100 * left), pruned_codes(left));
  }
}
