; Sleeping and waking by a condition variable, for systems without futexes.

declare i32 @pthread_mutex_init(ptr, ptr)
declare i32 @pthread_mutex_lock(ptr)
declare i32 @pthread_mutex_unlock(ptr)
declare i32 @pthread_cond_init(ptr, ptr)
declare i32 @pthread_cond_wait(ptr, ptr)
declare i32 @pthread_cond_broadcast(ptr)

define internal void @aic_prepare(ptr %page) nounwind {
  %mutex = getelementptr %pool, ptr %page, i32 0, i32 14
  call i32 @pthread_mutex_init(ptr %mutex, ptr null)
  %condition = getelementptr %pool, ptr %page, i32 0, i32 15
  call i32 @pthread_cond_init(ptr %condition, ptr null)
  ret void
}

define internal void @aic_sleep(ptr %pool, i32 %seen, i64 %id) nounwind {
entry:
  %epoch = getelementptr %pool, ptr %pool, i32 0, i32 1
  %mutex = getelementptr %pool, ptr %pool, i32 0, i32 14
  %condition = getelementptr %pool, ptr %pool, i32 0, i32 15
  call i32 @pthread_mutex_lock(ptr %mutex)
  br label %look

look:
  %now = load atomic i32, ptr %epoch acquire, align 4
  %same = icmp eq i32 %now, %seen
  br i1 %same, label %wait, label %done

wait:
  call i32 @pthread_cond_wait(ptr %condition, ptr %mutex)
  br label %look

done:
  call i32 @pthread_mutex_unlock(ptr %mutex)
  ret void
}

define internal void @aic_wake(ptr %pool, i64 %helpers) nounwind {
  %epoch = getelementptr %pool, ptr %pool, i32 0, i32 1
  %mutex = getelementptr %pool, ptr %pool, i32 0, i32 14
  %condition = getelementptr %pool, ptr %pool, i32 0, i32 15
  call i32 @pthread_mutex_lock(ptr %mutex)
  atomicrmw add ptr %epoch, i32 1 acq_rel
  call i32 @pthread_cond_broadcast(ptr %condition)
  call i32 @pthread_mutex_unlock(ptr %mutex)
  ret void
}
