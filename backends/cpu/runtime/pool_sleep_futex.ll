; Sleeping and waking by futex. Worker i waits with bit min(i, 31), so that a job for few wakes few.

declare i64 @syscall(i64, ...)

define internal void @aic_prepare(ptr %page) nounwind {
  ret void
}

define internal void @aic_sleep(ptr %pool, i32 %seen, i64 %id) nounwind {
  %epoch = getelementptr %pool, ptr %pool, i32 0, i32 1
  %place = call i64 @llvm.umin.i64(i64 %id, i64 31)
  %bit = shl i64 1, %place
  call i64 (i64, ...) @syscall(i64 $futex, ptr %epoch, i64 137, i32 %seen, ptr null, ptr null, i64 %bit)
  ret void
}

define internal void @aic_wake(ptr %pool, i64 %helpers) nounwind {
  %epoch = getelementptr %pool, ptr %pool, i32 0, i32 1
  atomicrmw add ptr %epoch, i32 1 acq_rel
  %count = call i64 @llvm.umin.i64(i64 %helpers, i64 32)
  %above = shl i64 1, %count
  %bits = sub i64 %above, 1
  call i64 (i64, ...) @syscall(i64 $futex, ptr %epoch, i64 138, i64 2147483647, ptr null, ptr null, i64 %bits)
  ret void
}
