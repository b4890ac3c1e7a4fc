; The native entry of every program: a CPython function that checks arrays, allocates outputs and runs the driver.
; One, compiled once a process, serves all programs: what differs between them is in a table (`call.py` fills it in).

%table = type { ptr, i64, i64, ptr, i64, i64,   ; 0 driver, 1 inputs, 2 outputs, 3 constants, 4 arena bytes, 5 threads
                ptr, ptr, ptr, ptr,             ; 6 checked call, 7 type of arrays, 8 PyArray_NewFromDescr,
                                                ; 9 PyDataMem_SetHandler
                [16 x ptr],                     ; 10 workspaces for later calls, null where there is none
                [0 x %spec] }                   ; 11 inputs, then outputs
%spec = type { ptr, i64, ptr, ptr }             ; 0 dtype object, 1 rank, 2 sizes, 3 memory handler, null for NumPy's own

; PyArrayObject: reference count, 1 type, 2 data, 3 rank, 4 sizes, strides, base, 7 dtype, 8 flags
%array = type { i64, ptr, ptr, i32, ptr, ptr, ptr, ptr, i32 }

declare ptr @PyEval_SaveThread()
declare void @PyEval_RestoreThread(ptr)
declare ptr @PyObject_Vectorcall(ptr, ptr, i64, ptr)
declare void @Py_IncRef(ptr)
declare void @Py_DecRef(ptr)
declare ptr @PyTuple_New(i64)
declare i32 @PyTuple_SetItem(ptr, i64, ptr)
declare i32 @posix_memalign(ptr, i64, i64)
declare void @free(ptr)

; PyObject *aic_call(self, args, nargs, kwnames): `self` is an array over the table. Whatever is not exactly as
; expected, and every failure of the program itself, goes to the checked call, which converts or explains.
define ptr @aic_call(ptr %self, ptr %args, i64 %nargs, ptr %kwnames) nounwind {
entry:
  %table.at = getelementptr %array, ptr %self, i32 0, i32 2
  %table = load ptr, ptr %table.at, align 8
  %inputs.at = getelementptr %table, ptr %table, i32 0, i32 1
  %inputs = load i64, ptr %inputs.at, align 8
  %outputs.at = getelementptr %table, ptr %table, i32 0, i32 2
  %outputs = load i64, ptr %outputs.at, align 8
  %in = alloca ptr, i64 %inputs, align 8
  %out = alloca ptr, i64 %outputs, align 8
  %made = alloca ptr, i64 %outputs, align 8
  %positional = icmp eq ptr %kwnames, null
  %enough = icmp eq i64 %nargs, %inputs
  %plain = and i1 %positional, %enough
  br i1 %plain, label %check, label %otherwise

check:
  %i = phi i64 [ 0, %entry ], [ %i.next, %fits ]
  %checked = icmp eq i64 %i, %inputs
  br i1 %checked, label %allocate, label %look

look:
  %arg.at = getelementptr ptr, ptr %args, i64 %i
  %arg = load ptr, ptr %arg.at, align 8
  %spec = getelementptr %table, ptr %table, i32 0, i32 11, i64 %i
  %ok = call i1 @aic_fits(ptr %table, ptr %arg, ptr %spec)
  br i1 %ok, label %fits, label %otherwise

fits:
  %arg.data.at = getelementptr %array, ptr %arg, i32 0, i32 2
  %arg.data = load ptr, ptr %arg.data.at, align 8
  %in.at = getelementptr ptr, ptr %in, i64 %i
  store ptr %arg.data, ptr %in.at, align 8
  %i.next = add i64 %i, 1
  br label %check

allocate:
  %o = phi i64 [ 0, %check ], [ %o.next, %allocated ]
  %ready = icmp eq i64 %o, %outputs
  br i1 %ready, label %run, label %new

new:
  %result = call ptr @aic_new(ptr %table, i64 %o)
  %missing = icmp eq ptr %result, null
  br i1 %missing, label %fail, label %allocated

allocated:
  %made.at = getelementptr ptr, ptr %made, i64 %o
  store ptr %result, ptr %made.at, align 8
  %result.data.at = getelementptr %array, ptr %result, i32 0, i32 2
  %result.data = load ptr, ptr %result.data.at, align 8
  %out.at = getelementptr ptr, ptr %out, i64 %o
  store ptr %result.data, ptr %out.at, align 8
  %o.next = add i64 %o, 1
  br label %allocate

run:
  %thread = call ptr @PyEval_SaveThread()
  %status = call i32 @aic_invoke(ptr %table, ptr %in, ptr %out)
  call void @PyEval_RestoreThread(ptr %thread)
  %good = icmp eq i32 %status, 0
  br i1 %good, label %pack, label %undo

pack:
  %single = icmp eq i64 %outputs, 1
  br i1 %single, label %one, label %several

one:
  %only = load ptr, ptr %made, align 8
  ret ptr %only

several:
  %tuple = call ptr @PyTuple_New(i64 %outputs)
  %full = icmp eq ptr %tuple, null
  br i1 %full, label %fail, label %fill

fill:
  %t = phi i64 [ 0, %several ], [ %t.next, %item ]
  %filled = icmp eq i64 %t, %outputs
  br i1 %filled, label %packed, label %item

item:
  %item.at = getelementptr ptr, ptr %made, i64 %t
  %item.value = load ptr, ptr %item.at, align 8
  call i32 @PyTuple_SetItem(ptr %tuple, i64 %t, ptr %item.value)
  %t.next = add i64 %t, 1
  br label %fill

packed:
  ret ptr %tuple

fail:                                             ; an exception is set
  %count = phi i64 [ %o, %new ], [ %outputs, %several ]
  call void @aic_release(ptr %made, i64 %count)
  ret ptr null

undo:
  call void @aic_release(ptr %made, i64 %outputs)
  br label %otherwise

otherwise:
  %slow.at = getelementptr %table, ptr %table, i32 0, i32 6
  %slow = load ptr, ptr %slow.at, align 8
  %answer = call ptr @PyObject_Vectorcall(ptr %slow, ptr %args, i64 %nargs, ptr %kwnames)
  ret ptr %answer
}

; Return whether an object is an array of exactly the expected type, dtype and shape, C-contiguous and aligned.
define internal i1 @aic_fits(ptr %table, ptr %object, ptr %spec) nounwind {
entry:
  %expected.at = getelementptr %table, ptr %table, i32 0, i32 7
  %expected = load ptr, ptr %expected.at, align 8
  %type.at = getelementptr %array, ptr %object, i32 0, i32 1
  %type = load ptr, ptr %type.at, align 8
  %is.array = icmp eq ptr %type, %expected
  br i1 %is.array, label %compare, label %no

compare:
  %dtype.at = getelementptr %array, ptr %object, i32 0, i32 7
  %dtype = load ptr, ptr %dtype.at, align 8
  %wanted = load ptr, ptr %spec, align 8
  %same.dtype = icmp eq ptr %dtype, %wanted
  %rank.at = getelementptr %array, ptr %object, i32 0, i32 3
  %rank32 = load i32, ptr %rank.at, align 4
  %rank = sext i32 %rank32 to i64
  %axes.at = getelementptr %spec, ptr %spec, i32 0, i32 1
  %axes = load i64, ptr %axes.at, align 8
  %same.rank = icmp eq i64 %rank, %axes
  %flags.at = getelementptr %array, ptr %object, i32 0, i32 8
  %flags = load i32, ptr %flags.at, align 4
  %both = and i32 %flags, 257                     ; C-contiguous 1, aligned 256
  %dense = icmp eq i32 %both, 257
  %typed = and i1 %same.dtype, %same.rank
  %alike = and i1 %typed, %dense
  br i1 %alike, label %shape, label %no

shape:
  %sizes.at = getelementptr %array, ptr %object, i32 0, i32 4
  %sizes = load ptr, ptr %sizes.at, align 8
  %bounds.at = getelementptr %spec, ptr %spec, i32 0, i32 2
  %bounds = load ptr, ptr %bounds.at, align 8
  br label %axis

axis:
  %a = phi i64 [ 0, %shape ], [ %a.next, %size ]
  %done = icmp eq i64 %a, %axes
  br i1 %done, label %yes, label %size

size:
  %size.at = getelementptr i64, ptr %sizes, i64 %a
  %got = load i64, ptr %size.at, align 8
  %bound.at = getelementptr i64, ptr %bounds, i64 %a
  %bound = load i64, ptr %bound.at, align 8
  %a.next = add i64 %a, 1
  %same = icmp eq i64 %got, %bound
  br i1 %same, label %axis, label %no

yes:
  ret i1 true

no:
  ret i1 false
}

; Return a new array for output %o, uninitialised; null with an exception set where there is no memory.
define internal ptr @aic_new(ptr %table, i64 %o) nounwind {
entry:
  %inputs.at = getelementptr %table, ptr %table, i32 0, i32 1
  %inputs = load i64, ptr %inputs.at, align 8
  %position = add i64 %inputs, %o
  %spec = getelementptr %table, ptr %table, i32 0, i32 11, i64 %position
  %dtype = load ptr, ptr %spec, align 8
  %rank.at = getelementptr %spec, ptr %spec, i32 0, i32 1
  %rank64 = load i64, ptr %rank.at, align 8
  %rank = trunc i64 %rank64 to i32
  %sizes.at = getelementptr %spec, ptr %spec, i32 0, i32 2
  %sizes = load ptr, ptr %sizes.at, align 8
  %type.at = getelementptr %table, ptr %table, i32 0, i32 7
  %type = load ptr, ptr %type.at, align 8
  %make.at = getelementptr %table, ptr %table, i32 0, i32 8
  %make = load ptr, ptr %make.at, align 8
  %handler.at = getelementptr %spec, ptr %spec, i32 0, i32 3
  %handler = load ptr, ptr %handler.at, align 8
  %change.at = getelementptr %table, ptr %table, i32 0, i32 9
  %change = load ptr, ptr %change.at, align 8
  %small = icmp eq ptr %handler, null
  br i1 %small, label %new, label %set

set:
  %usual = call ptr %change(ptr %handler)         ; what the thread's arrays are made with otherwise
  %unset = icmp eq ptr %usual, null
  br i1 %unset, label %none, label %new

new:
  %before = phi ptr [ null, %entry ], [ %usual, %set ]
  call void @Py_IncRef(ptr %dtype)                ; the new array takes this reference
  %array = call ptr %make(ptr %type, ptr %dtype, i32 %rank, ptr %sizes, ptr null, ptr null, i32 0, ptr null)
  br i1 %small, label %done, label %restore

restore:
  %ours = call ptr %change(ptr %before)
  call void @Py_DecRef(ptr %before)
  call void @Py_DecRef(ptr %ours)
  br label %done

done:
  ret ptr %array

none:
  ret ptr null
}

define internal void @aic_release(ptr %objects, i64 %count) nounwind {
entry:
  br label %look

look:
  %n = phi i64 [ 0, %entry ], [ %next, %one ]
  %done = icmp eq i64 %n, %count
  br i1 %done, label %end, label %one

one:
  %at = getelementptr ptr, ptr %objects, i64 %n
  %object = load ptr, ptr %at, align 8
  call void @Py_DecRef(ptr %object)
  %next = add i64 %n, 1
  br label %look

end:
  ret void
}

; i32 aic_invoke(table, inputs, outputs): run the driver in a workspace of its own. Returns its status, or -1 where
; there is no memory. Any number of threads may call at once.
define i32 @aic_invoke(ptr %table, ptr %inputs, ptr %outputs) nounwind {
entry:
  %fresh = alloca ptr, align 8
  %bytes.at = getelementptr %table, ptr %table, i32 0, i32 4
  %bytes = load i64, ptr %bytes.at, align 8
  %needed = icmp ne i64 %bytes, 0
  br i1 %needed, label %take, label %run

take:
  %s = phi i64 [ 0, %entry ], [ %s.next, %slot ]
  %searched = icmp eq i64 %s, 16
  br i1 %searched, label %make, label %slot

slot:
  %slot.at = getelementptr %table, ptr %table, i32 0, i32 10, i64 %s
  %kept = atomicrmw xchg ptr %slot.at, ptr null acquire
  %free = icmp ne ptr %kept, null
  %s.next = add i64 %s, 1
  br i1 %free, label %run, label %take

make:
  %failed = call i32 @posix_memalign(ptr %fresh, i64 64, i64 %bytes)
  %made = load ptr, ptr %fresh, align 8
  %ok = icmp eq i32 %failed, 0
  br i1 %ok, label %run, label %no.memory

no.memory:
  ret i32 -1

run:
  %arena = phi ptr [ null, %entry ], [ %kept, %slot ], [ %made, %make ]
  %driver = load ptr, ptr %table, align 8
  %constants.at = getelementptr %table, ptr %table, i32 0, i32 3
  %constants = load ptr, ptr %constants.at, align 8
  %threads.at = getelementptr %table, ptr %table, i32 0, i32 5
  %threads = load i64, ptr %threads.at, align 8
  %status = call i32 %driver(ptr %inputs, ptr %outputs, ptr %constants, ptr %arena, i64 %threads)
  br i1 %needed, label %give, label %done

give:
  %g = phi i64 [ 0, %run ], [ %g.next, %offer ]
  %crowded = icmp eq i64 %g, 16
  br i1 %crowded, label %drop, label %offer

offer:
  %offer.at = getelementptr %table, ptr %table, i32 0, i32 10, i64 %g
  %swap = cmpxchg ptr %offer.at, ptr null, ptr %arena release monotonic
  %stored = extractvalue { ptr, i1 } %swap, 1
  %g.next = add i64 %g, 1
  br i1 %stored, label %done, label %give

drop:
  call void @free(ptr %arena)
  br label %done

done:
  ret i32 %status
}
