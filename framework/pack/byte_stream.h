// Numbers in bytes: what a packed model's file is made of, beside its codes. Whole
// numbers are LEB128: seven bits a byte, the least significant first, the eighth set
// where more follow; signed ones are zigzag coded (0, -1, 1, -2, ...). Floats are IEEE
// 754 binary32, little-endian.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace bitsweep {

class ByteWriter {
 public:
  void byte(std::uint8_t value) { bytes_.push_back(value); }
  void unsigned_number(std::uint64_t value);
  void signed_number(std::int64_t value);
  void floats(std::span<const float> values);  // without their number
  void float_list(std::span<const float> values);
  void text(std::string_view text);
  void raw(std::span<const std::uint8_t> bytes);

  std::size_t size() const { return bytes_.size(); }
  const std::vector<std::uint8_t>& bytes() const { return bytes_; }

 private:
  std::vector<std::uint8_t> bytes_;
};

/// Reads what a ByteWriter wrote. Never outside its bytes, and takes no memory that they
/// do not account for: throws DataError.
class ByteReader {
 public:
  explicit ByteReader(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}

  std::uint8_t byte();
  /// At most `most`; `what` names it in the error.
  std::uint64_t unsigned_number(std::uint64_t most, const char* what);
  std::int64_t signed_number(std::int64_t least, std::int64_t most, const char* what);
  std::vector<float> floats(std::size_t count);  // finite
  std::vector<float> float_list(std::size_t most, const char* what);
  std::string text(std::size_t most, const char* what);
  std::span<const std::uint8_t> raw(std::size_t count);

  std::size_t left() const { return bytes_.size(); }
  void expect_end() const;

 private:
  std::span<const std::uint8_t> bytes_;  // not yet read
};

}  // namespace bitsweep
