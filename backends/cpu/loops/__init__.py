"""Loop nests: what a fused body computes (`build`), how it is run (`schedule`), and its LLVM text (`emit`)."""
