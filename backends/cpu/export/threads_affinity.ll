; The processors this process may run on, at most 1,024.

declare i32 @sched_getaffinity(i32, i64, ptr)
declare i64 @llvm.ctpop.i64(i64)

define internal i64 @aic_processors() nounwind {
entry:
  %mask = alloca [16 x i64], align 8
  store [16 x i64] zeroinitializer, ptr %mask, align 8
  call i32 @sched_getaffinity(i32 0, i64 128, ptr %mask)
  br label %word

word:
  %n = phi i64 [ 0, %entry ], [ %next, %word ]
  %total = phi i64 [ 0, %entry ], [ %sum, %word ]
  %at = getelementptr i64, ptr %mask, i64 %n
  %bits = load i64, ptr %at, align 8
  %some = call i64 @llvm.ctpop.i64(i64 %bits)
  %sum = add i64 %total, %some
  %next = add i64 %n, 1
  %more = icmp ult i64 %next, 16
  br i1 %more, label %word, label %done

done:
  %none = icmp eq i64 %sum, 0
  %answer = select i1 %none, i64 1, i64 %sum
  ret i64 %answer
}
