// A schema made once.
#pragma once

#include "framework/schema/schema.h"

namespace bitsweep {

/// `T::schema()`, made when it is first asked for: a study asks for tens of thousands.
template <class T>
const Schema<T>& schema_of() {
  static const Schema<T> schema = T::schema();
  return schema;
}

}  // namespace bitsweep
