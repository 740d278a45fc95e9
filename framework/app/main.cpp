#include "framework/quant/registry.h"
#include "methods/builtin_methods.h"

int main() {
  bitsweep::MethodRegistry registry;
  bitsweep::register_builtin_methods(registry);
}
