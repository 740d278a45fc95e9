// Errors' words, digests and buffers.

#include <string>
#include <utility>
#include <vector>

#include <catch2/catch.hpp>

#include "framework/core/counted.h"
#include "framework/core/digest.h"
#include "framework/core/error.h"
#include "framework/core/tensor.h"

using namespace bitsweep;

TEST_CASE("edit distance counts insertions, deletions, substitutions and swaps",
          "[error]") {
  CHECK(edit_distance("", "") == 0);
  CHECK(edit_distance("", "abc") == 3);
  CHECK(edit_distance("kitten", "sitting") == 3);
  CHECK(edit_distance("lenet", "lenet") == 0);
  CHECK(edit_distance("mnits", "mnist") == 1);
  CHECK(edit_distance("flaw", "lawn") == 2);
  CHECK(edit_distance("lawn", "flaw") == 2);
}

TEST_CASE("the nearest word is the first of the nearest, if any is near", "[error]") {
  const std::vector<std::string> known = {"epochs", "iterations", "loss"};
  CHECK(nearest_word("epoch", known) == "epochs");
  CHECK(nearest_word("iteratoins", known) == "iterations");
  CHECK(nearest_word("learning_rate", known).empty());
  CHECK(nearest_word("x", std::vector<std::string>{"a", "b"}) == "a");
  CHECK(nearest_word("x", std::vector<std::string>{}).empty());
}

TEST_CASE("one thing is counted in the singular", "[counted]") {
  CHECK(counted(0, "run") == "0 runs");
  CHECK(counted(1, "run") == "1 run");
  CHECK(counted(2, "run") == "2 runs");
  CHECK(counted(1.0, "epoch") == "1 epoch");
  CHECK(counted(1.5, "epoch") == "1.5 epochs");
}

TEST_CASE("SHA-256 gives the published sums", "[digest]") {
  // FIPS 180-4 examples: the empty text, "abc", and a million times "a".
  CHECK(sha256_hex("") ==
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(sha256_hex("abc") ==
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  Sha256 sum;
  const std::string thousand(1000, 'a');
  for (int i = 0; i < 1000; ++i) sum.update(thousand.data(), thousand.size());
  CHECK(sum.hex() == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_CASE("a buffer is zero, aligned and moves", "[tensor]") {
  Buffer buffer(100);
  CHECK(reinterpret_cast<std::uintptr_t>(buffer.data()) % 64 == 0);
  for (const float value : buffer.span()) CHECK(value == 0);
  buffer[99] = 7;
  const float* before = buffer.data();

  Buffer moved = std::move(buffer);
  CHECK(moved.data() == before);
  CHECK(moved.size() == 100);
  CHECK(moved[99] == 7);
  CHECK(buffer.empty());  // NOLINT(bugprone-use-after-move): it is promised to be empty
  CHECK(Buffer(0).empty());
}

TEST_CASE("an image has pixels times channels elements", "[tensor]") {
  CHECK(ImageShape{28, 27, 3}.pixels() == 756);
  CHECK(ImageShape{28, 27, 3}.elements() == 2268);
  CHECK(ImageShape{}.elements() == 1);
}
