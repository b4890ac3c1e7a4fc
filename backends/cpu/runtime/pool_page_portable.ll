; The pool's memory elsewhere: it names its process, so that a child of fork knows it is not its own.

declare ptr @calloc(i64, i64)
declare void @free(ptr)

define internal ptr @aic_allocate() nounwind {
  %page = call ptr @calloc(i64 1, i64 4096)
  %failed = icmp eq ptr %page, null
  br i1 %failed, label %none, label %ready

ready:
  call void @aic_name(ptr %page)
  call void @aic_prepare(ptr %page)
  ret ptr %page

none:
  ret ptr null
}

define internal void @aic_free(ptr %page) nounwind {
  call void @free(ptr %page)
  ret void
}
