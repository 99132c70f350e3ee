"""Which changes of the code no unit test notices: `tools/mutants`, docs/mutation.md."""
