import unittest

from script_tree import ScriptTest


class CheckReadmes(ScriptTest):
    def setUp(self):
        super().setUp()
        self.write("README.md")
        self.write("scripts/README.md")
        self.write("scripts/setup")

    def accepts(self, text):
        self.write("README.md", text)
        self.assertEqual(self.check("check_readmes.py"),
                         (0, ["every path named in a README is there"]))

    def refuses(self, text, path):
        self.write("README.md", text)
        line = f"README.md:{text[:text.index(path)].count(chr(10)) + 1}: names '{path}', which"
        status, lines = self.check("check_readmes.py")
        self.assertEqual((status, len(lines)), (1, 1), lines)
        self.assertTrue(lines[0].startswith(line), lines[0])

    def test_a_path_in_backticks_is_there(self):
        self.accepts("Run `scripts/setup`; the folder is `scripts/`.")
        self.refuses("Two lines,\nthen `scripts/gone`.", "scripts/gone")

    def test_a_path_in_a_code_block_is_there(self):
        self.accepts("```\nscripts/setup --test\n```\n")
        self.refuses("```\nsh scripts/gone\n```\n", "scripts/gone")

    def test_a_link_leads_to_a_file(self):
        self.accepts("[set-up](scripts/setup), [web](https://example.org/x), [below](#below)")
        self.refuses("[set-up](setup.md)", "setup.md")

    def test_a_link_is_read_from_its_own_folder(self):
        self.write("scripts/README.md", "[the script](setup), [home](../README.md)")
        self.accepts("")

    def test_a_folder_may_be_named_from_beside_it(self):
        self.write("scripts/README.md", "`lib/`")
        self.write("scripts/lib/file")
        self.accepts("`build/`")
        self.refuses("`core/`", "core/")

    def test_a_folder_that_is_gone_is_noticed(self):
        self.refuses("`framework/core/error.h`", "framework/core/error.h")

    def test_a_placeholder_stands_for_any_name(self):
        self.write("methods/README.md")
        self.refuses("`methods/<id>/<id>.cpp`", "methods/<id>/<id>.cpp")
        self.write("methods/lsq/lsq.cpp")
        self.accepts("`methods/<id>/<id>.cpp`")

    def test_a_site_of_a_network_is_not_a_path(self):
        self.accepts("`conv1/weight` and `build/release/bin/bitsweep`")

    def test_what_git_does_not_keep_is_not_looked_for(self):
        self.accepts("`results/quickstart/report.md`, `datasets/mnist/t10k-labels.gz`")
        self.refuses("`results/reference/survey.md`", "results/reference/survey.md")

    def test_every_top_level_folder_has_a_readme(self):
        self.write("extra/file")
        self.assertEqual(self.check("check_readmes.py"), (1, ["extra/: has no README.md"]))


if __name__ == "__main__":
    unittest.main()
