#include "framework/results/checkpoint.h"

#include <fmt/format.h>

#include "framework/core/error.h"
#include "framework/results/hdf5_image.h"
#include "framework/results/provenance_fields.h"
#include "framework/results/sealed_file.h"

namespace bitsweep {
namespace {

using namespace hdf5_image;

constexpr std::int32_t kCheckpointFormat = 1;
constexpr SealKind kCheckpoint = {.what = "checkpoint"};
constexpr std::string_view kEnding = ".checkpoint.h5";

// Random bits are not worth compressing, every few minutes.
void write_value(hid_t file, const std::string& name, const StateValue& value) {
  std::visit(
      [&](const auto& list) {
        if constexpr (std::is_same_v<decltype(list), const std::vector<std::string>&>) {
          write_texts(file, name, list);
        } else {
          write_values(file, name, list, Storage::kPlain);
        }
      },
      value);
}

std::string image_of(const Checkpoint& checkpoint) {
  const Handle file = new_image();
  const AttributeWriter header{file};
  header("format", std::string("bitsweep checkpoint"));
  header("format_version", kCheckpointFormat);
  header("digest", checkpoint.digest);
  header("build", checkpoint.build);
  write_provenance(file, checkpoint.provenance);
  new_group(file, "state");
  for (const auto& [name, value] : checkpoint.state) {
    write_value(file, path_below("state", name), value);
  }
  return hdf5_image::image_of(file);
}

StateValue read_value(hid_t file, const std::string& name) {
  const Handle dataset = open_dataset(file, name);
  const Handle type(H5Dget_type(dataset), H5Tclose, name);
  const auto size = H5Tget_size(type);
  switch (H5Tget_class(type)) {
    case H5T_STRING:
      return read_texts(file, name);
    case H5T_FLOAT:
      if (size == sizeof(float)) return read_values<float>(file, name);
      return read_values<double>(file, name);
    default:
      if (size == 1) return read_values<std::int8_t>(file, name);
      return read_values<std::int64_t>(file, name);
  }
}

Checkpoint read_image(std::string_view image) {
  const Handle file = open_image(image);
  std::int32_t version = 0;
  AttributeReader{file}("format_version", version);
  if (version != kCheckpointFormat) {
    throw Hdf5Failure{fmt::format("a checkpoint of format {}, this program reads {}",
                                  version, kCheckpointFormat)};
  }
  Checkpoint checkpoint;
  AttributeReader{file}("digest", checkpoint.digest);
  AttributeReader{file}("build", checkpoint.build);
  read_provenance(file, checkpoint.provenance);
  for (const auto& name : dataset_names(file, "state")) {
    checkpoint.state[name] = read_value(file, "state/" + name);
  }
  return checkpoint;
}

}  // namespace

void write_checkpoint(const Checkpoint& checkpoint, const std::filesystem::path& path) {
  std::string image;
  {
    const std::lock_guard lock(library_mutex());
    const Silence silence;
    try {
      image = image_of(checkpoint);
    } catch (const Hdf5Failure& failure) {
      throw RunError(fmt::format("{}: cannot store {}", path.string(), failure.text));
    }
  }
  write_sealed(path, kCheckpoint, image);
}

Checkpoint read_checkpoint(const std::filesystem::path& path) {
  const std::string image = read_sealed(path, kCheckpoint);
  const std::lock_guard lock(library_mutex());
  const Silence silence;
  try {
    return read_image(image);
  } catch (const Hdf5Failure& failure) {
    throw DataError(fmt::format("{}: {}", path.string(), failure.text));
  }
}

std::filesystem::path checkpoint_path(const std::filesystem::path& folder,
                                      const std::string& digest) {
  return folder / (digest + std::string(kEnding));
}

bool is_checkpoint(const std::filesystem::path& path) {
  return path.filename().string().ends_with(kEnding);
}

}  // namespace bitsweep
