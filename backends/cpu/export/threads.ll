; How many threads an exported model uses: its variable NAME_threads if set, else AICOMP_THREADS, else all processors it
; may use.

@aic_chosen = global i32 0
@aic_default = internal global i32 0
@aic_variable = internal constant [15 x i8] c"AICOMP_THREADS\00"

declare ptr @getenv(ptr)
declare i64 @strtol(ptr, ptr, i32)

define i64 @aic_threads() nounwind {
  %set = load atomic i32, ptr @aic_chosen monotonic, align 4
  %known = icmp sgt i32 %set, 0
  br i1 %known, label %chosen, label %default

default:
  %found = load atomic i32, ptr @aic_default monotonic, align 4
  %cached = icmp sgt i32 %found, 0
  br i1 %cached, label %chosen, label %ask

ask:
  %text = call ptr @getenv(ptr @aic_variable)
  %given = icmp ne ptr %text, null
  br i1 %given, label %parse, label %count

parse:
  %number = call i64 @strtol(ptr %text, ptr null, i32 10)
  %positive = icmp sgt i64 %number, 0
  %sane = icmp slt i64 %number, 1025
  %good = and i1 %positive, %sane
  br i1 %good, label %keep, label %count

count:
  %processors = call i64 @aic_processors()
  br label %keep

keep:
  %answer = phi i64 [ %number, %parse ], [ %processors, %count ]
  %short = trunc i64 %answer to i32
  store atomic i32 %short, ptr @aic_default monotonic, align 4
  ret i64 %answer

chosen:
  %threads = phi i32 [ %set, %0 ], [ %found, %default ]
  %long = sext i32 %threads to i64
  ret i64 %long
}
