#include "framework/quant/library_file.h"

#include <cstring>
#include <fstream>
#include <vector>

#include <elf.h>
#include <fmt/format.h>
#include <link.h>

namespace bitsweep {
namespace {

using FileHeader = ElfW(Ehdr);
using Segment = ElfW(Phdr);
using Section = ElfW(Shdr);

class LibraryFile {
 public:
  explicit LibraryFile(const std::filesystem::path& path)
      : stream_(path, std::ios::binary | std::ios::ate) {
    if (stream_) size_ = std::uint64_t(stream_.tellg());
  }

  std::string problem() {
    if (!stream_) return "cannot be read";
    FileHeader header{};
    if (!holds(0, sizeof header)) return "file too short";
    read(0, &header, sizeof header);
    if (std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) return "invalid ELF header";
    FileHeader own{};
    std::ifstream("/proc/self/exe", std::ios::binary)
        .read(reinterpret_cast<char*>(&own), sizeof own);
    if (header.e_ident[EI_CLASS] != own.e_ident[EI_CLASS] ||
        header.e_ident[EI_DATA] != own.e_ident[EI_DATA] ||
        header.e_machine != own.e_machine) {
      return "made for another machine";
    }
    if (header.e_type != ET_DYN) return "an ELF file, but no shared library";
    const bool sound_sizes =
        header.e_phentsize == sizeof(Segment) &&
        (header.e_shnum == 0 || header.e_shentsize == sizeof(Section));
    if (!sound_sizes) return "invalid ELF header";
    note(header.e_phoff, std::uint64_t(header.e_phnum) * sizeof(Segment));
    note(header.e_shoff, std::uint64_t(header.e_shnum) * sizeof(Section));
    if (end_ > size_) return cut_off();
    for (int i = 0; i < header.e_phnum; ++i) {
      Segment segment{};
      read(header.e_phoff + std::uint64_t(i) * sizeof segment, &segment, sizeof segment);
      note(segment.p_offset, segment.p_filesz);
    }
    for (int i = 0; i < header.e_shnum; ++i) {
      Section section{};
      read(header.e_shoff + std::uint64_t(i) * sizeof section, &section, sizeof section);
      if (section.sh_type != SHT_NOBITS) note(section.sh_offset, section.sh_size);
    }
    return end_ > size_ ? cut_off() : "";
  }

 private:
  bool holds(std::uint64_t offset, std::uint64_t bytes) const {
    return offset <= size_ && bytes <= size_ - offset;
  }

  // Something stands there: sums that overflow are beyond any file.
  void note(std::uint64_t offset, std::uint64_t bytes) {
    if (__builtin_add_overflow(offset, bytes, &bytes)) bytes = ~std::uint64_t(0);
    end_ = std::max(end_, bytes);
  }

  void read(std::uint64_t offset, void* to, std::size_t bytes) {
    stream_.seekg(std::streamoff(offset));
    stream_.read(static_cast<char*>(to), std::streamsize(bytes));
  }

  std::string cut_off() const {
    return fmt::format("cut off: {} bytes, its headers tell of {}", size_, end_);
  }

  std::ifstream stream_;
  std::uint64_t size_ = 0;
  std::uint64_t end_ = 0;  // behind the last byte that a header tells of
};

}  // namespace

std::string broken_library(const std::filesystem::path& path) {
  return LibraryFile(path).problem();
}

}  // namespace bitsweep
