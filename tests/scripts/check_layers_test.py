import unittest

from script_tree import ScriptTest


class CheckLayers(ScriptTest):
    def refused(self, file, include):
        """The one sentence about `include` as the second line of `file`."""
        self.write(file, f"#pragma once\n#include {include}\n")
        status, lines = self.check("check_layers.py")
        self.assertEqual((status, len(lines)), (1, 1), lines)
        self.assertTrue(lines[0].startswith(f"{file}:2: includes "), lines[0])
        return lines[0]

    def accepted(self, file, *includes):
        self.write(file, "".join(f"#include {include}\n" for include in includes))
        status, lines = self.check("check_layers.py")
        self.assertEqual((status, lines), (0, ["every include follows the architecture"]))

    def test_a_folder_includes_itself_and_all_below_it(self):
        self.accepted("framework/train/sgd.cpp", '"framework/train/sgd.h"',
                      '"framework/nn/network.h"', '"framework/core/error.h"', "<vector>")

    def test_the_app_includes_everything(self):
        self.accepted("framework/app/main.cpp", '"methods/builtin_methods.h"',
                      '"framework/report/table.h"', '"framework/results/record.h"')

    def test_a_lower_folder_does_not_include_a_higher_one(self):
        line = self.refused("framework/core/error.h", '"framework/nn/network.h"')
        self.assertIn("core may include core", line)

    def test_a_method_does_not_see_networks(self):
        line = self.refused("methods/lsq/lsq.cpp", '"framework/nn/network.h"')
        self.assertIn("methods may include core, engine, methods, quant, schema", line)

    def test_nothing_below_the_app_includes_a_method(self):
        self.refused("framework/report/table.cpp", '"methods/lsq/lsq.h"')

    def test_nothing_but_the_app_includes_the_app(self):
        self.refused("framework/report/table.cpp", '"framework/app/pipeline.h"')

    def test_includes_are_written_from_the_root(self):
        self.assertIn("from the root", self.refused("framework/nn/layer.h", '"network.h"'))

    def test_a_generated_header_stands_in_no_folder(self):
        self.accepted("framework/results/provenance.cpp", '"bitsweep_revision.h"')

    def test_a_new_folder_is_not_passed_over(self):
        line = self.refused("framework/extra/x.h", '"framework/core/error.h"')
        self.assertIn("'extra' is not in", line)

    def test_third_party_headers_have_a_home(self):
        homes = {
            "<yaml-cpp/yaml.h>": "framework/config/yaml_reader.cpp",
            "<hdf5.h>": "framework/core/hdf5_handle.h",
            "<H5Dpublic.h>": "framework/core/hdf5_handle.h",
            "<boost/program_options.hpp>": "framework/app/command_line.cpp",
            "<dnnl.h>": "framework/engine/onednn.cpp",
            "<dnnl.hpp>": "framework/engine/onednn.h",
            "<openssl/evp.h>": "framework/core/digest.cpp",
            "<omp.h>": "framework/core/parallel.h",
        }
        for header, home in homes.items():
            with self.subTest(header):
                self.accepted(home, header)

    def test_third_party_headers_stay_at_home(self):
        for header in ("<yaml-cpp/yaml.h>", "<hdf5.h>", "<boost/program_options.hpp>",
                       '"dnnl.hpp"', "<openssl/evp.h>", "<omp.h>"):
            with self.subTest(header):
                self.assertIn("only framework/", self.refused("framework/nn/layer.cpp", header))


if __name__ == "__main__":
    unittest.main()
