; The processors that are on line.

declare i64 @sysconf(i32)

define internal i64 @aic_processors() nounwind {
  %count = call i64 @sysconf(i32 58)              ; _SC_NPROCESSORS_ONLN of the BSDs and macOS
  %none = icmp slt i64 %count, 1
  %answer = select i1 %none, i64 1, i64 %count
  ret i64 %answer
}
