; Memory of large outputs, as a memory handler of NumPy (NEP 49). What arrays give back is kept for the next call, up to
; $limit bytes in all: new memory from the system costs a page fault for every 4 KiB, more than many a kernel takes.
;
; A block's capacity is one of four a power of two, from 256 KiB to 256 MiB; the line before its data describes it. All
; state is in atomic words: any thread may free, a fork leaves nothing locked. It has no end, as arrays may outlive all.

; PyDataMem_Handler: name, its padding, version, context, malloc, calloc, realloc, free
%handler = type { [6 x i8], [121 x i8], i8, ptr, ptr, ptr, ptr, ptr }
%header = type { ptr, i64, i64, i64 }              ; start and bytes of its mapping, number of its capacity (-1: none), bytes

@aic_handler = internal global %handler { [6 x i8] c"aicomp", [121 x i8] zeroinitializer, i8 1, ptr null,
  ptr @aic_block_malloc, ptr @aic_block_calloc, ptr @aic_block_realloc, ptr @aic_block_free }
@aic_handler_kind = internal constant [12 x i8] c"mem_handler\00"
@aic_held = internal global i64 0                   ; bytes in the slots
@aic_slots = internal global [164 x ptr] zeroinitializer   ; four a capacity

declare ptr @PyCapsule_New(ptr, ptr, ptr)
$declare_advise
declare i64 @llvm.ctlz.i64(i64, i1)
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
declare void @llvm.memset.p0.i64(ptr, i8, i64, i1)
declare ptr @llvm.ptrmask.p0.i64(ptr, i64)
declare ptr @mmap(ptr, i64, i32, i32, i32, i64)
declare i32 @munmap(ptr, i64)
declare { i64, i1 } @llvm.umul.with.overflow.i64(i64, i64)

; Return the handler as the object that NumPy wants; null with an exception set where there is no memory.
define ptr @aic_blocks() nounwind {
  %capsule = call ptr @PyCapsule_New(ptr @aic_handler, ptr @aic_handler_kind, ptr null)
  ret ptr %capsule
}

define internal ptr @aic_block_malloc(ptr %context, i64 %size) nounwind {
entry:
  %class = call i64 @aic_class(i64 %size)
  %kept = icmp sge i64 %class, 0
  br i1 %kept, label %look, label %small

look:
  %s = phi i64 [ 0, %entry ], [ %s.next, %slot ]
  %searched = icmp eq i64 %s, 4
  br i1 %searched, label %large, label %slot

slot:
  %slot.at = getelementptr [4 x ptr], ptr @aic_slots, i64 %class, i64 %s
  %found = atomicrmw xchg ptr %slot.at, ptr null acquire
  %some = icmp ne ptr %found, null
  %s.next = add i64 %s, 1
  br i1 %some, label %take, label %look

take:
  %capacity = call i64 @aic_capacity(i64 %class)
  %before = atomicrmw sub ptr @aic_held, i64 %capacity monotonic
  ret ptr %found

large:
  %bytes = call i64 @aic_capacity(i64 %class)
  %block = call ptr @aic_obtain(i64 %class, i64 %bytes)
  ret ptr %block

small:
  %other = call ptr @aic_obtain(i64 -1, i64 %size)
  ret ptr %other
}

define internal void @aic_block_free(ptr %context, ptr %block, i64 %size) nounwind {
entry:
  %header = getelementptr i8, ptr %block, i64 -64
  %class.at = getelementptr %header, ptr %header, i32 0, i32 2
  %class = load i64, ptr %class.at, align 8
  %keep = icmp sge i64 %class, 0
  br i1 %keep, label %count, label %drop

count:
  %capacity = call i64 @aic_capacity(i64 %class)
  %before = atomicrmw add ptr @aic_held, i64 %capacity monotonic
  %held = add i64 %before, %capacity
  %crowded = icmp ugt i64 %held, $limit
  br i1 %crowded, label %empty, label %look

empty:                                             ; what is kept may be of sizes that nobody wants any more
  %e = phi i64 [ 0, %count ], [ %e.next, %emptied ]
  %all = icmp eq i64 %e, 164
  br i1 %all, label %again, label %clear

clear:
  %clear.at = getelementptr ptr, ptr @aic_slots, i64 %e
  %old = atomicrmw xchg ptr %clear.at, ptr null acquire
  %none = icmp eq ptr %old, null
  br i1 %none, label %emptied, label %release

release:
  %old.class = lshr i64 %e, 2
  %old.capacity = call i64 @aic_capacity(i64 %old.class)
  %after = atomicrmw sub ptr @aic_held, i64 %old.capacity monotonic
  call void @aic_return(ptr %old)
  br label %emptied

emptied:
  %e.next = add i64 %e, 1
  br label %empty

again:
  %now = load atomic i64, ptr @aic_held monotonic, align 8
  %fits = icmp ule i64 %now, $limit
  br i1 %fits, label %look, label %refuse

look:
  %s = phi i64 [ 0, %count ], [ 0, %again ], [ %s.next, %slot ]
  %searched = icmp eq i64 %s, 4
  br i1 %searched, label %refuse, label %slot

slot:
  %slot.at = getelementptr [4 x ptr], ptr @aic_slots, i64 %class, i64 %s
  %swap = cmpxchg ptr %slot.at, ptr null, ptr %block release monotonic
  %stored = extractvalue { ptr, i1 } %swap, 1
  %s.next = add i64 %s, 1
  br i1 %stored, label %done, label %look

refuse:
  %less = atomicrmw sub ptr @aic_held, i64 %capacity monotonic
  br label %drop

drop:
  call void @aic_return(ptr %block)
  br label %done

done:
  ret void
}

define internal ptr @aic_block_calloc(ptr %context, i64 %count, i64 %size) nounwind {
entry:
  %product = call { i64, i1 } @llvm.umul.with.overflow.i64(i64 %count, i64 %size)
  %bytes = extractvalue { i64, i1 } %product, 0
  %overflow = extractvalue { i64, i1 } %product, 1
  br i1 %overflow, label %fail, label %make

make:
  %block = call ptr @aic_block_malloc(ptr %context, i64 %bytes)
  %none = icmp eq ptr %block, null
  br i1 %none, label %fail, label %clear

clear:
  call void @llvm.memset.p0.i64(ptr %block, i8 0, i64 %bytes, i1 false)
  ret ptr %block

fail:
  ret ptr null
}

define internal ptr @aic_block_realloc(ptr %context, ptr %block, i64 %size) nounwind {
entry:
  %fresh = call ptr @aic_block_malloc(ptr %context, i64 %size)
  %none = icmp eq ptr %fresh, null
  %first = icmp eq ptr %block, null
  %alone = or i1 %none, %first
  br i1 %alone, label %done, label %move

move:
  %header = getelementptr i8, ptr %block, i64 -64
  %capacity.at = getelementptr %header, ptr %header, i32 0, i32 3
  %capacity = load i64, ptr %capacity.at, align 8
  %less = icmp ult i64 %capacity, %size
  %bytes = select i1 %less, i64 %capacity, i64 %size
  call void @llvm.memcpy.p0.p0.i64(ptr %fresh, ptr %block, i64 %bytes, i1 false)
  call void @aic_block_free(ptr %context, ptr %block, i64 %capacity)
  br label %done

done:
  ret ptr %fresh
}

; Return the number of the least capacity that holds a size; -1 for sizes that are not worth keeping.
define internal i64 @aic_class(i64 %size) nounwind {
  %below = icmp ult i64 %size, 262144               ; 1 << 18
  %above = icmp ugt i64 %size, 268435456            ; 1 << 28
  %plain = or i1 %below, %above
  %zeros = call i64 @llvm.ctlz.i64(i64 %size, i1 false)
  %log = sub i64 63, %zeros
  %shift = sub i64 %log, 2
  %less = sub i64 %size, 1
  %whole = lshr i64 %less, %shift
  %quarters = sub i64 %whole, 3                     ; ceil(size / 2**shift) - 4
  %octave = sub i64 %log, 18
  %four = shl i64 %octave, 2
  %class = add i64 %four, %quarters
  %number = select i1 %plain, i64 -1, i64 %class
  ret i64 %number
}

define internal i64 @aic_capacity(i64 %class) nounwind {
  %rest = and i64 %class, 3
  %quarters = add i64 %rest, 4
  %octave = lshr i64 %class, 2
  %shift = add i64 %octave, 16
  %capacity = shl i64 %quarters, %shift
  ret i64 %capacity
}

; Return new memory from the system, on huge pages where it fills some. (What malloc gets back, it may keep for ever.)
define internal ptr @aic_obtain(i64 %class, i64 %capacity) nounwind {
entry:
  %huge = icmp uge i64 %capacity, 4194304
  %unit = select i1 %huge, i64 2097152, i64 4096
  %lead = add i64 %unit, 4096
  %bytes = add i64 %lead, %capacity
  %overflow = icmp ult i64 %bytes, %capacity
  br i1 %overflow, label %fail, label %ask

ask:
  %base = call ptr @mmap(ptr null, i64 %bytes, i32 3, i32 $anonymous, i32 -1, i64 0)
  %failed = icmp eq ptr %base, inttoptr (i64 -1 to ptr)
  br i1 %failed, label %fail, label %mark

mark:
  %end = getelementptr i8, ptr %base, i64 %lead
  %mask = sub i64 0, %unit
  %block = call ptr @llvm.ptrmask.p0.i64(ptr %end, i64 %mask)
  %header = getelementptr i8, ptr %block, i64 -64
  store ptr %base, ptr %header, align 8
  %bytes.at = getelementptr %header, ptr %header, i32 0, i32 1
  store i64 %bytes, ptr %bytes.at, align 8
  %class.at = getelementptr %header, ptr %header, i32 0, i32 2
  store i64 %class, ptr %class.at, align 8
  %capacity.at = getelementptr %header, ptr %header, i32 0, i32 3
  store i64 %capacity, ptr %capacity.at, align 8
  br i1 %huge, label %advise, label %done

advise:
  $advise
  br label %done

done:
  ret ptr %block

fail:
  ret ptr null
}

define internal void @aic_return(ptr %block) nounwind {
  %header = getelementptr i8, ptr %block, i64 -64
  %base = load ptr, ptr %header, align 8
  %bytes.at = getelementptr %header, ptr %header, i32 0, i32 1
  %bytes = load i64, ptr %bytes.at, align 8
  call i32 @munmap(ptr %base, i64 %bytes)
  ret void
}
