; The thread pool: aic_parallel and its workers. `pool.py` says how it works and fills in the names after a dollar sign.

; 0 busy, 1 epoch, 2 sleepers, 3 workers, 4 pid; each hot word has a cache line to itself
%pool = type { i32, i32, i32, i32, i32, [44 x i8],
               i64, [56 x i8],             ; 6 claim
               i64, [56 x i8],             ; 8 pending
               ptr, ptr, i64, i64,         ; 10 kernel, 11 args, 12 tasks, 13 chunks
               [128 x i8], [128 x i8] }    ; 14 mutex, 15 condition variable (where there is no futex)

@aic_state = internal global ptr null

declare i32 @pthread_create(ptr, ptr, ptr, ptr)
declare i32 @pthread_attr_init(ptr)
declare i32 @pthread_attr_setstacksize(ptr, i64)
declare i32 @pthread_attr_destroy(ptr)
declare i32 @pthread_detach(i64)
declare i32 @pthread_sigmask(i32, ptr, ptr)
declare i32 @sigfillset(ptr)
declare i32 @sched_yield()
declare i32 @getpid()
declare i64 @llvm.umin.i64(i64, i64)
$declare_pause

define void @aic_parallel(ptr %kernel, ptr %args, i64 %tasks, i64 %threads) nounwind {
  %most = call i64 @llvm.umin.i64(i64 %tasks, i64 %threads)
  %capped = call i64 @llvm.umin.i64(i64 %most, i64 1024)
  %several = icmp ugt i64 %capped, 1
  br i1 %several, label %find, label %alone

find:
  %pool = call ptr @aic_pool()
  %found = icmp ne ptr %pool, null
  br i1 %found, label %lock, label %alone

lock:
  %busy = getelementptr %pool, ptr %pool, i32 0, i32 0
  %tried = cmpxchg ptr %busy, i32 0, i32 1 acquire monotonic
  %locked = extractvalue { i32, i1 } %tried, 1
  br i1 %locked, label %hire, label %alone

alone:
  call void %kernel(ptr %args, i64 0, i64 %tasks)
  ret void

hire:
  %wanted = sub i64 %capped, 1
  %helpers = call i64 @aic_hire(ptr %pool, i64 %wanted)
  call void @aic_publish(ptr %pool, ptr %kernel, ptr %args, i64 %tasks, i64 %helpers)
  call void @aic_work(ptr %pool, i64 -1)
  call void @aic_join(ptr %pool)
  store atomic i32 0, ptr %busy release, align 4
  ret void
}

; Make workers until there are %wanted, as far as the system lets us; return how many may help.
define internal i64 @aic_hire(ptr %pool, i64 %wanted) nounwind {
entry:
  %workers = getelementptr %pool, ptr %pool, i32 0, i32 3
  %had = load i32, ptr %workers, align 4
  %first = zext i32 %had to i64
  br label %more

more:
  %have = phi i64 [ %first, %entry ], [ %next, %made ]
  %enough = icmp uge i64 %have, %wanted
  br i1 %enough, label %done, label %make

make:
  %failed = call i32 @aic_spawn(i64 %have)
  %ok = icmp eq i32 %failed, 0
  br i1 %ok, label %made, label %done

made:
  %next = add i64 %have, 1
  %count = trunc i64 %next to i32
  store i32 %count, ptr %workers, align 4
  br label %more

done:
  %helpers = call i64 @llvm.umin.i64(i64 %have, i64 %wanted)
  ret i64 %helpers
}

; Start one detached worker with every signal blocked: signals belong to the program's own threads.
define internal i32 @aic_spawn(i64 %id) nounwind {
  %all = alloca [128 x i8], align 16
  %old = alloca [128 x i8], align 16
  %attributes = alloca [128 x i8], align 16
  %thread = alloca i64, align 8
  call i32 @sigfillset(ptr %all)
  call i32 @pthread_sigmask(i32 $setmask, ptr %all, ptr %old)
  call i32 @pthread_attr_init(ptr %attributes)
  call i32 @pthread_attr_setstacksize(ptr %attributes, i64 $stack)
  %number = inttoptr i64 %id to ptr
  %failed = call i32 @pthread_create(ptr %thread, ptr %attributes, ptr @aic_worker, ptr %number)
  call i32 @pthread_attr_destroy(ptr %attributes)
  call i32 @pthread_sigmask(i32 $setmask, ptr %old, ptr null)
  %ok = icmp eq i32 %failed, 0
  br i1 %ok, label %detach, label %done

detach:
  %handle = load i64, ptr %thread, align 8
  call i32 @pthread_detach(i64 %handle)
  br label %done

done:
  ret i32 %failed
}

; Fill in the job, open it by the store to `claim`, and wake whoever sleeps.
define internal void @aic_publish(ptr %pool, ptr %kernel, ptr %args, i64 %tasks, i64 %helpers) nounwind {
  %kernel.at = getelementptr %pool, ptr %pool, i32 0, i32 10
  store ptr %kernel, ptr %kernel.at, align 8
  %args.at = getelementptr %pool, ptr %pool, i32 0, i32 11
  store ptr %args, ptr %args.at, align 8
  %tasks.at = getelementptr %pool, ptr %pool, i32 0, i32 12
  store i64 %tasks, ptr %tasks.at, align 8
  %hands = add i64 %helpers, 1
  %fine = mul i64 %hands, $per_thread
  %chunks = call i64 @llvm.umin.i64(i64 %tasks, i64 %fine)
  %chunks.at = getelementptr %pool, ptr %pool, i32 0, i32 13
  store i64 %chunks, ptr %chunks.at, align 8
  %pending = getelementptr %pool, ptr %pool, i32 0, i32 8
  store atomic i64 %chunks, ptr %pending monotonic, align 8
  %limit = shl i64 %helpers, 48
  %high = shl i64 %chunks, 24
  %word = or i64 %limit, %high
  %claim = getelementptr %pool, ptr %pool, i32 0, i32 6
  store atomic i64 %word, ptr %claim seq_cst, align 8
  %sleepers = getelementptr %pool, ptr %pool, i32 0, i32 2
  %asleep = load atomic i32, ptr %sleepers seq_cst, align 4
  %any = icmp ne i32 %asleep, 0
  br i1 %any, label %wake, label %done

wake:
  call void @aic_wake(ptr %pool, i64 %helpers)
  br label %done

done:
  ret void
}

; Claim chunks and run them until none is left that %id may have (the caller is -1).
define internal void @aic_work(ptr %pool, i64 %id) nounwind {
entry:
  %claim = getelementptr %pool, ptr %pool, i32 0, i32 6
  %pending = getelementptr %pool, ptr %pool, i32 0, i32 8
  %now = load atomic i64, ptr %claim acquire, align 8
  br label %look

look:
  %word = phi i64 [ %now, %entry ], [ %seen, %try ], [ %again, %run ]
  %open = call i1 @aic_open(i64 %word, i64 %id)
  br i1 %open, label %try, label %done

try:
  %worker = icmp sge i64 %id, 0
  %step = select i1 %worker, i64 -16777216, i64 1      ; high - 1, or low + 1
  %next = add i64 %word, %step
  %swap = cmpxchg ptr %claim, i64 %word, i64 %next acq_rel acquire
  %seen = extractvalue { i64, i1 } %swap, 0
  %mine = extractvalue { i64, i1 } %swap, 1
  br i1 %mine, label %run, label %look

run:
  %shifted = lshr i64 %next, 24
  %high = and i64 %shifted, 16777215
  %low = and i64 %word, 16777215
  %chunk = select i1 %worker, i64 %high, i64 %low
  call void @aic_run(ptr %pool, i64 %chunk)
  %left = atomicrmw sub ptr %pending, i64 1 acq_rel
  %again = load atomic i64, ptr %claim acquire, align 8
  br label %look

done:
  ret void
}

; Return whether a claim word has a chunk left for %id.
define internal i1 @aic_open(i64 %word, i64 %id) nounwind {
  %low = and i64 %word, 16777215
  %shifted = lshr i64 %word, 24
  %high = and i64 %shifted, 16777215
  %left = icmp ult i64 %low, %high
  %limit = lshr i64 %word, 48
  %allowed = icmp slt i64 %id, %limit
  %open = and i1 %left, %allowed
  ret i1 %open
}

; Run one chunk: the tasks [tasks * chunk / chunks, tasks * (chunk + 1) / chunks).
define internal void @aic_run(ptr %pool, i64 %chunk) nounwind {
  %kernel.at = getelementptr %pool, ptr %pool, i32 0, i32 10
  %kernel = load ptr, ptr %kernel.at, align 8
  %args.at = getelementptr %pool, ptr %pool, i32 0, i32 11
  %args = load ptr, ptr %args.at, align 8
  %tasks.at = getelementptr %pool, ptr %pool, i32 0, i32 12
  %tasks = load i64, ptr %tasks.at, align 8
  %chunks.at = getelementptr %pool, ptr %pool, i32 0, i32 13
  %chunks = load i64, ptr %chunks.at, align 8
  %before = mul i64 %tasks, %chunk
  %begin = udiv i64 %before, %chunks
  %after = add i64 %before, %tasks
  %end = udiv i64 %after, %chunks
  call void %kernel(ptr %args, i64 %begin, i64 %end)
  ret void
}

; Wait until every chunk is done; give the processor away now and then, since a worker may need it.
define internal void @aic_join(ptr %pool) nounwind {
entry:
  %pending = getelementptr %pool, ptr %pool, i32 0, i32 8
  br label %look

look:
  %turn = phi i64 [ 0, %entry ], [ %next, %wait ], [ 0, %yield ]
  %left = load atomic i64, ptr %pending acquire, align 8
  %more = icmp ne i64 %left, 0
  br i1 %more, label %wait, label %done

wait:
  $pause
  %next = add i64 %turn, 1
  %long = icmp ugt i64 %next, 2000
  br i1 %long, label %yield, label %look

yield:
  call i32 @sched_yield()
  br label %look

done:
  ret void
}

; A worker: work, spin, sleep. It counts itself as asleep before its last look at `claim`, and the caller looks
; for sleepers after its store to `claim`, so one of the two always sees the other.
define internal ptr @aic_worker(ptr %number) nounwind {
entry:
  %id = ptrtoint ptr %number to i64
  %pool = load atomic ptr, ptr @aic_state acquire, align 8
  %epoch = getelementptr %pool, ptr %pool, i32 0, i32 1
  %sleepers = getelementptr %pool, ptr %pool, i32 0, i32 2
  %claim = getelementptr %pool, ptr %pool, i32 0, i32 6
  br label %work

work:
  call void @aic_work(ptr %pool, i64 %id)
  br label %spin

spin:
  %turn = phi i64 [ 0, %work ], [ %next, %pause ]
  %word = load atomic i64, ptr %claim monotonic, align 8
  %open = call i1 @aic_open(i64 %word, i64 %id)
  br i1 %open, label %work, label %pause

pause:
  $pause
  %next = add i64 %turn, 1
  %tired = icmp ugt i64 %next, $spins
  br i1 %tired, label %drowsy, label %spin

drowsy:
  %seen = load atomic i32, ptr %epoch acquire, align 4
  atomicrmw add ptr %sleepers, i32 1 seq_cst
  %last = load atomic i64, ptr %claim seq_cst, align 8
  %late = call i1 @aic_open(i64 %last, i64 %id)
  br i1 %late, label %awake, label %sleep

sleep:
  call void @aic_sleep(ptr %pool, i32 %seen, i64 %id)
  br label %awake

awake:
  atomicrmw sub ptr %sleepers, i32 1 seq_cst
  br label %work
}

; Return the state of this process's pool, made at the first call; null where there is no memory. A state that
; names another process is a parent's: this one makes its own.
define internal ptr @aic_pool() nounwind {
  %pool = load atomic ptr, ptr @aic_state acquire, align 8
  %missing = icmp eq ptr %pool, null
  br i1 %missing, label %make, label %check

check:
  %owner.at = getelementptr %pool, ptr %pool, i32 0, i32 4
  %owner = load i32, ptr %owner.at, align 4
  %named = icmp ne i32 %owner, 0
  br i1 %named, label %compare, label %have

compare:
  %pid = call i32 @getpid()
  %foreign = icmp ne i32 %pid, %owner
  br i1 %foreign, label %make, label %have

have:
  ret ptr %pool

make:
  %new = call ptr @aic_allocate()
  %failed = icmp eq ptr %new, null
  br i1 %failed, label %none, label %install

install:
  %swap = cmpxchg ptr @aic_state, ptr %pool, ptr %new acq_rel acquire
  %won = extractvalue { ptr, i1 } %swap, 1
  %other = extractvalue { ptr, i1 } %swap, 0
  br i1 %won, label %mine, label %lost

mine:
  ret ptr %new

lost:
  call void @aic_free(ptr %new)
  ret ptr %other

none:
  ret ptr null
}

define internal void @aic_name(ptr %page) nounwind {
  %pid = call i32 @getpid()
  %owner = getelementptr %pool, ptr %page, i32 0, i32 4
  store i32 %pid, ptr %owner, align 4
  ret void
}
