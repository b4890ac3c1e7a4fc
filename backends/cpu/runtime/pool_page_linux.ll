; The pool's memory on Linux: a page of its own, which a child of fork finds wiped (MADV_WIPEONFORK). Where the
; kernel refuses, the page names its process instead.

declare ptr @mmap(ptr, i64, i32, i32, i32, i64)
declare i32 @munmap(ptr, i64)
declare i32 @madvise(ptr, i64, i32)

define internal ptr @aic_allocate() nounwind {
  %page = call ptr @mmap(ptr null, i64 4096, i32 3, i32 34, i32 -1, i64 0)
  %failed = icmp eq ptr %page, inttoptr (i64 -1 to ptr)
  br i1 %failed, label %none, label %wipe

wipe:
  %refused = call i32 @madvise(ptr %page, i64 4096, i32 18)   ; MADV_WIPEONFORK
  %wiped = icmp eq i32 %refused, 0
  br i1 %wiped, label %ready, label %name

name:
  call void @aic_name(ptr %page)
  br label %ready

ready:
  call void @aic_prepare(ptr %page)
  ret ptr %page

none:
  ret ptr null
}

define internal void @aic_free(ptr %page) nounwind {
  call i32 @munmap(ptr %page, i64 4096)
  ret void
}
