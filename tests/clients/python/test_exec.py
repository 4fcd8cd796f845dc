"""An unmodified program of the Azure SDK for Python gets Litware's tokens under `exec`.

`EMULATOR` names the emulator's program, `PROGRAM` that of cross-tenant-identity.
"""

import os
import subprocess
import sys
import unittest

from emulator import Emulator

SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "list_groups.py")


class Exec(unittest.TestCase):
    def run_script(self, protocol, *arguments):
        emulator = Emulator(*arguments)
        self.addCleanup(emulator.stop)
        plain = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
        return subprocess.run(
            [os.environ["PROGRAM"], "exec", "--protocol", protocol, "--", sys.executable, SCRIPT],
            env={**plain, **emulator.exports},
            capture_output=True, text=True, timeout=120,
        )

    def test_the_resource_groups_of_litware_are_listed_by_each_protocol(self):
        for protocol in ("app-service", "workload-identity"):
            with self.subTest(protocol):
                ended = self.run_script(protocol)
                self.assertEqual(ended.returncode, 0, ended.stderr)
                self.assertEqual(ended.stdout, "NetworkWatcherRG northeurope\n")

    def test_the_diagnosis_is_in_the_error_of_the_sdk(self):
        ended = self.run_script("app-service", "--without", "service-principal")
        self.assertEqual(ended.returncode, 1)
        # Our own log is there, too: only what comes after the traceback is the SDK's.
        said = ended.stderr[ended.stderr.index("Traceback"):]
        for told in ("AADSTS7000229", "Who has to act: the target tenant's administrator"):
            self.assertIn(told, said)


if __name__ == "__main__":
    unittest.main()
