/*
 * The freeze: how the data gets from one master to the next; three pods; checked exhaustively by spin.
 * What it is an abstraction of, and how to run it: README.md beside this file.
 *
 * The lease is taken for what lease.pml shows it to be: it has at most one holder, it may be lost at any moment, and a holder
 * whose sidecar runs has fenced its Redis before anybody else can win. There are no clocks. Replication and messages may take
 * any time, so a pod that is cut off is one that takes no steps.
 */

/* Bounds: elections, promotions beside the first, bytes in the history, and what may go wrong how often. */
#ifndef ELECTIONS
#define ELECTIONS 2
#endif
#ifndef PROMOTIONS
#define PROMOTIONS 2
#endif
#ifndef BYTES
#define BYTES 1
#endif
#ifndef PAUSES
#define PAUSES 1
#endif
#ifndef RESTARTS
#define RESTARTS 1
#endif
#ifndef CRASHES
#define CRASHES 1
#endif
#define LINEAGES (PROMOTIONS + 2)

/* What a Redis is: a replica of pod 0, 1 or 2, or */
#define LIMBO 3
#define MASTER 4
/* What a sidecar is doing. */
#define FOLLOWER 0
#define FREEZING 1
#define PROMOTING 2
#define LEADING 3

#define NOBODY 3
#define NONE 0       /* no lineage: an empty Redis, or a sidecar that knows of no announcement */

typedef Pod {
  /* redis-server. Its data is a place in the tree of lineages: all bytes of `lin` and its ancestors up to `off`. */
  byte role = LIMBO;
  bool link;         /* the replica's link to its master is up */
  byte lin;
  byte off;
  bool second;       /* it knows the id of the lineage before as well (replid2); a full sync makes it forget that */
  bool fresh = 1;    /* it has restarted and was not in step since: its data does not count as full */
  bool min;          /* min-replicas-to-write is 1 */
  byte order = NOBODY; /* REPLICAOF, sent by that pod's sidecar to repair it, and still on its way */
  /* sidecar */
  bool paused;
  byte phase;
  byte known;        /* the newest announcement: the lineage that began with that promotion */
  byte term;         /* the newest term promised or heard of */
#ifdef TERMS_REGRESS
  byte epoch;        /* which election it won last: no sidecar knows that, it serves the assertions */
#endif
  byte sent;         /* announcements that were sent to this life of the sidecar, a bit each: they may arrive at any time */
  /* what the holder has been shown of this pod: final as long as it stays frozen */
  bool shown;
  bool answered;     /* by its sidecar, so that it can be given the lease */
  byte shownLin;
  byte shownOff;
  bool shownSecond;
  bool shownFull;
}
typedef Lineage {
  byte parent = 9;
  byte from;         /* the offset at which it left its parent */
  byte pod;
  byte term;
#ifdef TERMS_REGRESS
  byte epoch;
#endif
}

Pod p[3];
Lineage lineage[LINEAGES];
byte lineages = 1;   /* the newest */
byte top = 1;        /* the newest that was begun under a valid lease */
byte holder = 0;
byte elections = ELECTIONS;
byte pauses = PAUSES;
byte restarts = RESTARTS;
byte crashes = CRASHES;
/* One write, any one, is watched: where it stands, and whether WAIT 1 has confirmed it. */
byte writeLin, writeOff;
bool confirmed;

#ifndef TERMS_REGRESS
#define epoch term
#endif
/* Somebody was promoted under a lease that is newer than the one of this master. */
#define SUPERSEDED(x) (lineage[top].epoch > lineage[p[x].lin].epoch)

hidden byte i, l, o, best, newest, fulls, hasIt;

#define RUNS(x) (!p[x].paused)
#define BIT(k) (1 << (k))
#define FED(x, y) (p[y].role == x && p[y].link)
#define HAS_REPLICA(x) (FED(x, 0) || FED(x, 1) || FED(x, 2))

/* hasIt: is the watched write among the bytes of (place, offset)? */
inline look_for_write(place, offset) {
  l = place;
  o = offset;
  do
  :: l != writeLin && l != NONE && l != 9 -> if :: o > lineage[l].from -> o = lineage[l].from :: else fi; l = lineage[l].parent
  :: else -> break
  od;
  hasIt = (l == writeLin && o >= writeOff);
  l = 0; o = 0
}

/* lineage.ts, isComparable(): the position shown by v, against the announcement k. */
#ifdef IGNORE_LINEAGE
#define COMPARABLE(v, k) (p[v].shownLin != NONE)
#else
#define COMPARABLE(v, k) (p[v].shownLin != NONE && (p[v].shownLin == k ||                                  \
  p[v].shownLin == lineage[k].parent && p[v].shownOff <= lineage[k].from ||                                \
  p[v].shownSecond && lineage[p[v].shownLin].parent == k && lineage[k].from <= lineage[p[v].shownLin].from))
#endif

/* ---- redis-server ---- */

inline cut_replicas(x) {
  for (i : 0 .. 2) { if :: p[i].role == x -> p[i].link = false :: else fi }
  i = 0
}

inline to_limbo(x) {
  if :: p[x].role == MASTER -> cut_replicas(x) :: else fi;
  p[x].role = LIMBO;
  p[x].link = false
}

inline follow(x, master) {
  if
  :: p[x].role == master
  :: else -> to_limbo(x); p[x].role = master
  fi
}

/*
 * S2: a master behind min-replicas takes no writes once somebody else was promoted, whatever became of its sidecar.
 * S1: nor does one whose sidecar runs. (One that has just restarted does not know yet; so not where there are restarts.)
 */
#if RESTARTS == 0
#define MAY_WRITE(x) (!SUPERSEDED(x) || !RUNS(x) && !p[x].min)
#else
#define MAY_WRITE(x) (!SUPERSEDED(x) || !p[x].min)
#endif
/* Any byte may be the one that is watched. */
#define WRITE(x)                                                                                           \
  :: d_step { p[x].role == MASTER && p[x].off < BYTES && (!p[x].min || HAS_REPLICA(x)) ->                  \
              assert(MAY_WRITE(x));                                                                        \
              p[x].off++ }                                                                                 \
  :: d_step { p[x].role == MASTER && p[x].off < BYTES && (!p[x].min || HAS_REPLICA(x)) && writeLin == NONE -> \
              p[x].off++; writeLin = p[x].lin; writeOff = p[x].off;                                        \
              printf("pod %d takes the write that is watched: byte %d of lineage %d\n", x, writeOff, writeLin) }

/* A replica receives one byte; one without a link connects, and is given what it lacks, or everything. */
#define PARTIAL(q, x) (p[q].lin == p[x].lin && p[q].off <= p[x].off ||                                     \
  p[x].second && p[q].lin == lineage[p[x].lin].parent && p[q].off <= lineage[p[x].lin].from)
#define REPLICATE(q, x)                                                                                    \
  :: d_step { FED(x, q) && p[x].role == MASTER && p[q].off < p[x].off -> p[q].off++ }                      \
  :: d_step { p[q].role == x && !p[q].link && p[x].role == MASTER ->                                       \
              if                                                                                           \
              :: PARTIAL(q, x) -> if :: p[q].lin != p[x].lin -> p[q].lin = p[x].lin; p[q].second = true :: else fi \
              :: else -> printf("pod %d gets a full sync from pod %d\n", q, x);                            \
                         assert(!SUPERSEDED(x)); /* S4 */                                                  \
                         p[q].lin = p[x].lin; p[q].off = p[x].off; p[q].second = false                     \
              fi;                                                                                          \
              p[q].link = true }                                                                           \
  :: d_step { FED(x, q) && p[x].role == MASTER && writeLin != NONE && !confirmed ->                        \
              look_for_write(p[q].lin, p[q].off);                                                          \
              if                                                                                           \
              :: hasIt && p[x].off >= p[q].off ->                                                           \
                 confirmed = true;                                                                         \
                 printf("WAIT confirms it: it is on pods %d and %d\n", x, q);                              \
                 /* S3: whoever was promoted meanwhile must hasIt it. */                                    \
                 if :: SUPERSEDED(x) -> look_for_write(top, 99); assert(hasIt) :: else fi                   \
              :: else                                                                                      \
              fi;                                                                                          \
              hasIt = 0 }

/* ---- sidecars ---- */

inline stop_leading(x) {
  p[x].phase = FOLLOWER;
  if
  :: holder == x -> holder = NOBODY; forget_shown()
  :: else
  fi
}
inline forget_shown() {
  for (i : 0 .. 2) {
    p[i].shown = false; p[i].answered = false;
    p[i].shownLin = 0; p[i].shownOff = 0; p[i].shownSecond = false; p[i].shownFull = false
  }
  i = 0
}

#ifdef BOOT_FOLLOWS_RENDERED
#define BOOT(x) (x == 0 -> LIMBO : 0)
#else
#define BOOT(x) LIMBO
#endif
/* An order to promote was meant for the process that was chosen, and for no other (step-down.ts, checkOwnRedis()). */
#ifdef PROMOTE_ANY_PROCESS
#define ORDER_DIES(x) skip
#else
#define ORDER_DIES(x) if :: p[x].phase != FOLLOWER -> stop_leading(x) :: else fi
#endif
/* The process dies, and its data with it; it is back at once, in the role that its configuration file says. */
#define CRASH(x)                                                                                           \
  :: d_step { crashes > 0 -> crashes--; printf("the Redis of pod %d restarts empty\n", x);                 \
              to_limbo(x); p[x].role = BOOT(x); ORDER_DIES(x);                                             \
              p[x].lin = NONE; p[x].off = 0; p[x].second = false; p[x].fresh = true; p[x].min = true }

/* position.ts, ownPosition(). */
inline show_position(v) {
  p[v].shown = true;
  p[v].shownLin = p[v].lin; p[v].shownOff = p[v].off; p[v].shownSecond = p[v].second;
#ifdef COUNT_EMPTY_VOTER
  p[v].shownFull = true
#else
  p[v].shownFull = !p[v].fresh
#endif
}

#define NEWER(a, b) (b != NONE && (a == NONE || lineage[b].term > lineage[a].term))
#ifdef TERMS_REGRESS
#define NEXT_TERM(c, v) ((p[c].term > p[v].term -> p[c].term : p[v].term) + 1)
#define EPOCH(c) (ELECTIONS - elections + 1)
#else
#define NEXT_TERM(c, v) (ELECTIONS - elections + 2)
#define EPOCH(c) p[c].term
#endif

/* election.ts, suspectsOf(): nobody was promised a lease since that announcement, as far as these two know. */
#ifdef FORGET_PROMISES
#define UNDISTURBED(c, v) true
#else
#define UNDISTURBED(c, v) (p[c].term <= lineage[p[c].known].term && p[v].term <= lineage[p[c].known].term)
#endif
/* election.ts, win(), with the vote of v; failover.ts, startFailover(); freeze.ts, freeze(). */
#define ELECT(c, v)                                                                                        \
  :: d_step { holder == NOBODY && RUNS(c) && RUNS(v) && p[c].phase == FOLLOWER && elections > 0 ->         \
              if :: NEWER(p[c].known, p[v].known) -> p[c].known = p[v].known :: else fi;                   \
              hasIt = UNDISTURBED(c, v);                                                                   \
              p[c].term = NEXT_TERM(c, v); p[v].term = p[c].term; elections--; holder = c;                 \
              p[c].epoch = EPOCH(c);                                                                       \
              printf("pod %d wins term %d with the vote of %d\n", c, p[c].term, v);                        \
              if                                                                                           \
              :: p[c].role == MASTER && p[c].lin == p[c].known && hasIt -> p[c].phase = LEADING            \
              :: else -> p[c].phase = FREEZING; to_limbo(c); show_position(c); p[c].answered = true                 \
              fi;                                                                                          \
              hasIt = 0 }

/* requests.ts, takeFreeze(). */
#ifdef ANSWER_BEFORE_DETACHED
#define DETACH(v) skip
#else
#define DETACH(v) to_limbo(v)
#endif
#define FREEZE(c, v)                                                                                       \
  :: d_step { holder == c && RUNS(c) && RUNS(v) && p[c].phase == FREEZING && p[v].term <= p[c].term ->     \
              p[v].term = p[c].term; DETACH(v); show_position(v); p[v].answered = true;                             \
              printf("pod %d is frozen at byte %d of lineage %d\n", v, p[v].off, p[v].lin) }               \
  /* failover.ts, the drain: the Redis of the old master, whose sidecar is silent. */                      \
  :: d_step { holder == c && RUNS(c) && !RUNS(v) && p[c].phase == FREEZING && !p[v].shown                  \
              && p[c].known != NONE && lineage[p[c].known].pod == v && p[v].role == MASTER ->              \
              to_limbo(v); show_position(v) }

/* choose.ts, chooseMaster(); failover.ts, readiness() and conclude(), with durability strict. */
inline choose(c) {
  best = c; fulls = 0; newest = p[c].known;
#ifndef COMPARE_SIBLINGS
  /* Who has been promoted since, unknown to those that elect now: the data itself shows it. */
  for (o : 1 .. PROMOTIONS) {
    for (i : 0 .. 2) {
      if
      :: p[i].shown && p[i].shownSecond && lineage[p[i].shownLin].parent == newest -> newest = p[i].shownLin
      :: else
      fi
    }
  }
  o = 0;
#endif
  for (i : 0 .. 2) {
    if
    :: p[i].shown && COMPARABLE(i, newest) ->
       if :: p[i].shownFull -> fulls++ :: else fi;
       if
       :: !COMPARABLE(best, newest) || p[i].shownOff > p[best].shownOff -> best = i
       :: else
       fi
#ifdef COUNT_EMPTY_VOTER
    :: p[i].shown && !COMPARABLE(i, newest) -> fulls++
#endif
    :: else
    fi
  }
  i = 0
}
#ifdef PROMOTE_BEFORE_FREEZE
#define NEEDED 1
#else
#define NEEDED 2   /* position.ts, dataQuorumOf(3) */
#endif
#define CONCLUDE(c)                                                                                        \
  :: d_step { holder == c && RUNS(c) && p[c].phase == FREEZING && p[c].known != NONE && lineages < LINEAGES - 1 -> \
              choose(c);                                                                                   \
              if                                                                                           \
              :: fulls >= NEEDED && p[best].answered && COMPARABLE(best, newest) ->       \
                 if                                                                                        \
                 :: best == c -> p[c].phase = PROMOTING                                                    \
                 :: else -> printf("pod %d has more data: it is given the lease\n", best); stop_leading(c) \
                 fi                                                                                        \
              :: else                                                                                      \
              fi;                                                                                          \
              best = 0; fulls = 0; newest = 0 }

inline check_s3(c) {
  if
  :: confirmed ->
     look_for_write(p[c].lin, p[c].off);
     assert(hasIt);
#ifdef WITNESS
     assert(!hasIt); /* this is reached: a confirmed write comes to another master */
#endif
     hasIt = 0
  :: else
  fi
}

/* The order is carried out. Late, when the sidecar was paused or Redis hung: then nobody has the lease for it. */
inline become_master(c) {
  lineages++;
  lineage[lineages].parent = p[c].lin;
  lineage[lineages].from = p[c].off;
  lineage[lineages].pod = c;
  lineage[lineages].term = p[c].term;
  lineage[lineages].epoch = p[c].epoch;
  if :: holder == c -> check_s3(c); top = lineages :: else fi;
  printf("pod %d becomes master of lineage %d at byte %d\n", c, lineages, p[c].off);
  p[c].lin = lineages;
  p[c].second = true;
  p[c].role = MASTER;
  p[c].min = false
}
#define PROMOTE(c)                                                                                         \
  :: d_step { p[c].phase == PROMOTING && p[c].role == LIMBO && lineages < LINEAGES - 1 -> become_master(c) } \
  /* failover.ts, takePromotion(); lead.ts, lead(). */                                                     \
  :: d_step { p[c].phase == PROMOTING && p[c].role == MASTER && RUNS(c) && holder == c ->                  \
              forget_shown(); p[c].phase = LEADING; \
              p[c].known = p[c].lin; p[c].fresh = false;                                                   \
              for (i : 0 .. 2) { p[i].sent = p[i].sent | BIT(p[c].lin) }                                   \
              i = 0 }

/* lead.ts: the announcement and every renewal; the write quorum; repair of a pod whose sidecar is silent. */
#define LEAD(c)                                                                                            \
  :: d_step { p[c].phase == LEADING && RUNS(c) && holder == c && p[c].role == MASTER && !p[c].min && HAS_REPLICA(c) -> \
              p[c].min = true }                                                                            \
  :: d_step { p[c].phase == LEADING && RUNS(c) && holder == c && p[c].role != MASTER ->                    \
              stop_leading(c); to_limbo(c) }
#define TELL(c, v)                                                                                         \
  :: d_step { p[c].phase == LEADING && RUNS(c) && holder == c && p[c].role == MASTER && !(p[v].sent & BIT(p[c].lin)) -> \
              p[v].sent = p[v].sent | BIT(p[c].lin) }                                                      \
  :: d_step { p[c].phase == LEADING && RUNS(c) && holder == c && p[c].role == MASTER && !RUNS(v)           \
              && p[v].role != c && p[v].order == NOBODY -> p[v].order = c }
#ifdef ORDERS_WITHOUT_DEADLINE
#define IN_TIME(v) true
#else
#define IN_TIME(v) (holder == p[v].order)
#endif
#define REPAIR(v)                                                                                          \
  :: d_step { p[v].order != NOBODY ->                                                                      \
              if :: IN_TIME(v) -> printf("pod %d is ordered to follow %d\n", v, p[v].order);               \
                                  i = p[v].order; p[v].order = NOBODY; best = i; follow(v, best); best = 0; i = 0 \
              :: else -> p[v].order = NOBODY fi }

/* requests.ts, answerLeaseRequest() and takeAnnounce(), adopt(); own.ts, follow(). */
#define HEAR(v, k)                                                                                         \
  :: d_step { (p[v].sent & BIT(k)) && RUNS(v) && p[v].phase == FOLLOWER && p[v].term <= lineage[k].term    \
              && lineage[k].pod != v && !(p[v].known == k && p[v].role == lineage[k].pod) ->               \
              p[v].term = lineage[k].term; p[v].known = k; best = lineage[k].pod; follow(v, best); best = 0; \
              printf("pod %d follows the master of lineage %d\n", v, k) }

/* own.ts: takeInfo() sees that the Redis is in step; a master without a lease is fenced. */
#define LOOK(x)                                                                                            \
  :: d_step { RUNS(x) && p[x].fresh && p[x].role < 3 && p[x].link                                          \
              && (p[x].known == NONE || lineage[p[x].known].pod == p[x].role) -> p[x].fresh = false }      \
  :: d_step { RUNS(x) && p[x].phase == FOLLOWER && p[x].role == MASTER -> to_limbo(x) }

/* step-down.ts: a holder whose sidecar runs is fenced before its lease is anybody else's (lease.pml). */
#define LOSE(x)                                                                                            \
  :: d_step { holder == x -> printf("pod %d has the lease no longer\n", x);                                \
              if                                                                                           \
              :: RUNS(x) && !ORDER_GOES_ON(x) -> FENCE_BEFORE_RELEASE(x); stop_leading(x)                  \
              :: else -> holder = NOBODY; forget_shown()                                                   \
              fi }
#ifdef PROMOTION_OUTLIVES_FENCE
#define ORDER_GOES_ON(x) (p[x].phase == PROMOTING && p[x].role == LIMBO)
#else
#define ORDER_GOES_ON(x) false
#endif
#ifdef RELEASE_BEFORE_FENCE
#define FENCE_BEFORE_RELEASE(x) skip
#else
#define FENCE_BEFORE_RELEASE(x) to_limbo(x)
#endif

inline forget(x) {
  p[x].known = NONE;
  p[x].term = 0;
#ifndef DELIVER_TO_NEXT_LIFE
  p[x].sent = 0;
#endif
}
#define DISTURB(x)                                                                                         \
  :: d_step { RUNS(x) && pauses > 0 -> pauses--; p[x].paused = true; printf("the sidecar of pod %d is paused\n", x) } \
  :: d_step { !RUNS(x) -> p[x].paused = false; printf("the sidecar of pod %d goes on\n", x);               \
              if :: p[x].phase != FOLLOWER && holder != x -> p[x].phase = FOLLOWER; to_limbo(x) :: else fi } \
  :: d_step { restarts > 0 -> restarts--; printf("the sidecar of pod %d restarts\n", x);                   \
              stop_leading(x);                                                                             \
              p[x].paused = false; forget(x) }

#define ONE(x) WRITE(x) CRASH(x) CONCLUDE(x) PROMOTE(x) LEAD(x) REPAIR(x) LOOK(x) LOSE(x) DISTURB(x) \
  LINEAGES_OF(x)
#if PROMOTIONS == 1
#define LINEAGES_OF(x) HEAR(x, 1) HEAR(x, 2)
#elif PROMOTIONS == 2
#define LINEAGES_OF(x) HEAR(x, 1) HEAR(x, 2) HEAR(x, 3)
#else
#define LINEAGES_OF(x) HEAR(x, 1) HEAR(x, 2) HEAR(x, 3) HEAR(x, 4)
#endif
#define TWO(x, y) REPLICATE(x, y) ELECT(x, y) FREEZE(x, y) TELL(x, y)

init {
  d_step {
    /* Pod 0 leads; the others follow, all in step. */
    lineage[1].parent = 9;
    lineage[1].term = 1;
    p[0].role = MASTER; p[0].phase = LEADING;
    p[1].role = 0; p[1].link = true;
    p[2].role = 0; p[2].link = true;
    for (i : 0 .. 2) { p[i].lin = 1; p[i].fresh = false; p[i].known = 1; p[i].term = 1; p[i].min = true; p[i].sent = BIT(1) }
    i = 0
  }
end:
  do
  ONE(0)
  ONE(1)
  ONE(2)
  TWO(0, 1)
  TWO(0, 2)
  TWO(1, 0)
  TWO(1, 2)
  TWO(2, 0)
  TWO(2, 1)
  od
}
