"""LLVM text: functions, vectors of lanes, and scalar expressions of every dtype."""
