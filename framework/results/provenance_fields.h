// The attributes of a provenance, named once for both directions.
#pragma once

#include "framework/results/hdf5_image.h"
#include "framework/results/record.h"

namespace bitsweep::hdf5_image {

template <class Provenance, class Visitor>
void visit_provenance(Provenance& provenance, Visitor&& visit) {
  visit("program", provenance.program);
  visit("revision", provenance.revision);
  visit("compiler", provenance.compiler);
  visit("arch", provenance.arch);
  visit("engine", provenance.engine);
  visit("cpu", provenance.cpu);
  visit("host_os", provenance.host_os);
  visit("threads", provenance.threads);
  visit("started", provenance.started);
  visit("seconds", provenance.seconds);
  visit("peak_memory_mb", provenance.peak_memory_mb);
  visit("images_per_second", provenance.images_per_second);
}

inline void write_provenance(hid_t file, const Provenance& provenance) {
  const Handle group = new_group(file, "provenance");
  const AttributeWriter writer{group};
  visit_provenance(provenance, writer);
  writer("continued", provenance.continued);
}

// Files from before runs were continued do not count how often.
inline void read_provenance(hid_t file, Provenance& provenance) {
  const Handle group(H5Gopen2(file, "provenance", H5P_DEFAULT), H5Gclose, "provenance");
  visit_provenance(provenance, AttributeReader{group});
  if (H5Aexists(group, "continued") > 0) {
    AttributeReader{group}("continued", provenance.continued);
  }
}

}  // namespace bitsweep::hdf5_image
