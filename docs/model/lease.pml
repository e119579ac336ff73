/*
 * The lease: three pods, each of which votes and may want to hold it; discrete time; checked exhaustively by spin.
 * What it is an abstraction of, and how to run it: README.md beside this file. Names follow packages/core/src/lease.ts.
 *
 * There is one process: each option of the loop is one step of one pod, of the network or of time, and spin tries them in all
 * orders. All times are counted down, so there is no horizon: what is bounded is terms, restarts and pauses.
 */

#ifndef MAX_TERM
#define MAX_TERM 2
#endif
#ifndef RESTARTS
#define RESTARTS 1
#endif
#ifndef PAUSES
#define PAUSES 1
#endif

/* Ticks. A holder whose lease has run out is given one tick (F) until its Redis refuses writes. */
#ifndef T_H
#define T_H 2
#endif
#ifdef NO_GUARD
#define T_G T_H
#else
#define T_G (T_H + 1)
#endif

#define FOLLOWER 0
#define CANDIDATE 1
#define HOLDER 2
#define NOBODY 3

typedef Pod {
  /* The voter's half. */
  byte mute;          /* grants nothing for so long: it has restarted, and does not know what it has promised */
  byte promised;      /* newest term promised; that of the grant, if there is one */
  byte to = NOBODY;   /* the grant: for whom */
  byte left;          /* the grant: for how long */
  bool formerLife;    /* the grant was asked for by a former life of that pod's sidecar */
  /* The holder's half. */
  byte role;
  byte term;
  byte counts[3];     /* how long each voter's grant counts */
  bool paused;
  bool master;        /* its Redis takes writes */
  /* The network. What was sent once may be delivered at any time, in any order, any number of times, or never. */
  byte asked[MAX_TERM + 1];   /* ACQUIRE or RENEW of that term: 0 never sent, else 1 + ticks since the newest was sent */
  byte released[MAX_TERM + 1];/* RELEASE of that term: bit 1 sent by this life of the sidecar, bit 2 by a former one */
#ifdef LATE_ANSWERS
  byte answer[3];     /* granted, on its way from that voter: 0 none, else 1 + ticks since the request was sent */
  byte answerTerm[3];
#endif
}

Pod p[3];
byte restarts = RESTARTS;
byte pauses = PAUSES;
hidden byte i, j;

#define QUORUM(c) (((p[c].counts[0] > 0) + (p[c].counts[1] > 0) + (p[c].counts[2] > 0)) >= 2)
#define VALID(c) (p[c].role == HOLDER && QUORUM(c))
#define RUNS(c) (!p[c].paused)
/* The pods are alike, so it is pod 0 that asks first; before that nothing of interest can happen. */
#define STARTED (p[0].asked[1] > 0 || p[0].asked[MAX_TERM] > 0)
#define MAY_ASK(c) (c == 0 || STARTED)

/* A request that is too old to count for anything can still be granted. */
#define TOO_OLD (T_H + 1)

#ifdef GRANT_TWICE
#define STANDS_FOR_ANOTHER(v, c) false
#else
#define STANDS_FOR_ANOTHER(v, c) (p[v].to != NOBODY && p[v].left > 0 && p[v].to != c)
#endif
#ifdef TRUST_STALE_TERM
#define STALE(v, c, t) false
#else
#define STALE(v, c, t) (t < p[v].promised || (t == p[v].promised && p[v].to != c))
#endif
#define JUDGE(v, c, t) (p[v].mute == 0 && !STANDS_FOR_ANOTHER(v, c) && !STALE(v, c, t))

inline promise(v, c, t) {
  p[v].promised = t;
  p[v].to = c;
  p[v].left = T_G;
  p[v].formerLife = false
}

inline forget_grant(v) {
  p[v].to = NOBODY;
  p[v].left = 0;
  p[v].formerLife = false
}

/* Asks everybody, the own voter first: campaign and renewal alike. */
inline ask_all(c, t) {
  p[c].term = t;
  if
  :: JUDGE(c, c, t) -> promise(c, c, t); p[c].counts[c] = T_H
  :: else
  fi;
  p[c].asked[t] = 1
}

inline no_longer(c) {
  p[c].role = FOLLOWER;
  p[c].counts[0] = 0; p[c].counts[1] = 0; p[c].counts[2] = 0;
}

/* RELEASE goes out to everybody; the own voter is told at once. */
inline give_back(c) {
  p[c].released[p[c].term] = p[c].released[p[c].term] | 1;
  if
  :: p[c].to == c -> forget_grant(c)
  :: else
  fi;
  no_longer(c)
}

inline fence(c) {
  p[c].master = false
}

/* A holder makes its Redis master; how, is what freeze.pml is about. The worst for S1 is that it does so at once. */
inline win(c) {
#ifdef WITNESS
  assert(c == 0); /* this is reached: the lease comes to another pod */
#endif
  p[c].role = HOLDER;
  p[c].master = true
}

inline check_s1() {
  /* Two leases are never valid at once, whether the sidecars run or not: each by its own clock. */
  assert(!(VALID(0) && VALID(1)) && !(VALID(0) && VALID(2)) && !(VALID(1) && VALID(2)));
  /* No two Redis instances that a running sidecar answers for take writes. */
  assert((p[0].master && RUNS(0)) + (p[1].master && RUNS(1)) + (p[2].master && RUNS(2)) <= 1)
}

/* A sidecar dies and starts again: it has no disk. What it has asked for may still be on its way, but nobody awaits the answer. */
inline restart(c) {
  no_longer(c);
#ifdef LATE_ANSWERS
  p[c].answer[0] = 0; p[c].answer[1] = 0; p[c].answer[2] = 0;
  p[c].answerTerm[0] = 0; p[c].answerTerm[1] = 0; p[c].answerTerm[2] = 0;
#endif
  fence(c); /* from now on this Redis is nobody's: see README, "What is not in it" */
  p[c].paused = false;
  p[c].term = 0;
  p[c].promised = 0;
  forget_grant(c);
#ifndef NO_MUTE_START
  p[c].mute = T_G;
#endif
  for (i : 1 .. MAX_TERM) {
    if
    :: p[c].asked[i] > 0 -> p[c].asked[i] = TOO_OLD
    :: else
    fi;
    if
    :: p[c].released[i] > 0 -> p[c].released[i] = 2
    :: else
    fi
  }
  for (j : 0 .. 2) {
    if
    :: p[j].to == c -> p[j].formerLife = true
    :: else
    fi
  }
  i = 0; j = 0
}

inline tick() {
  for (i : 0 .. 2) {
#ifdef CLOCK_STOPS_IN_PAUSE
    if
    :: p[i].paused
    :: else ->
#endif
    for (j : 0 .. 2) {
      if :: p[i].counts[j] > 0 -> p[i].counts[j]-- :: else fi
    }
    if :: p[i].left > 0 -> p[i].left-- :: else fi;
    if :: p[i].mute > 0 -> p[i].mute-- :: else fi;
#ifdef CLOCK_STOPS_IN_PAUSE
    fi;
#endif
    for (j : 1 .. MAX_TERM) {
      if :: p[i].asked[j] > 0 && p[i].asked[j] < TOO_OLD -> p[i].asked[j]++ :: else fi
    }
#ifdef LATE_ANSWERS
    for (j : 0 .. 2) {
      if
      :: p[i].answer[j] >= T_H -> p[i].answer[j] = 0; p[i].answerTerm[j] = 0
      :: p[i].answer[j] > 0 && p[i].answer[j] < T_H -> p[i].answer[j]++
      :: else
      fi
    }
#endif
  }
  i = 0; j = 0
}

/* ---- one pod ---- */

/* election.ts, acquire(): any term above the ones it knows; that covers all it may hear from others. */
#define CAMPAIGN(c, t)                                                                                    \
  :: d_step { RUNS(c) && MAY_ASK(c) && p[c].role == FOLLOWER && t > p[c].term -> p[c].role = CANDIDATE; ask_all(c, t) }

/* election.ts, giveUp(). */
#define GIVE_UP(c)                                                                                         \
  :: d_step { RUNS(c) && p[c].role == CANDIDATE -> give_back(c) }

/* lead.ts, progressRenewal(); takeRenewal() raises the term of a valid lease. */
#define RENEW(c, t)                                                                                        \
  :: d_step { RUNS(c) && VALID(c) && t >= p[c].term -> ask_all(c, t) }

#ifdef RELEASE_BEFORE_FENCE
#define STEP_DOWN(c)                                                                                       \
  :: d_step { RUNS(c) && VALID(c) -> give_back(c) }                                                     \
  :: d_step { RUNS(c) && p[c].role == HOLDER && !QUORUM(c) -> fence(c); give_back(c) }                     \
  :: d_step { RUNS(c) && p[c].role != HOLDER && p[c].master -> fence(c) }
#else
/* step-down.ts, releaseLease() and checkLease(): fence first, then release. */
#define STEP_DOWN(c)                                                                                       \
  :: d_step { RUNS(c) && p[c].role == HOLDER -> fence(c); give_back(c) }
#endif

/* step-down.ts, checkLease() is the first thing after a pause. */
#ifdef NO_CHECK_ON_RESUME
#define RESUME_CHECK(c) skip
#else
#define RESUME_CHECK(c) if :: p[c].role == HOLDER && !QUORUM(c) -> fence(c); give_back(c) :: else fi
#endif
#define RESTART(c)                                                                                         \
  :: d_step { STARTED && restarts > 0 -> restarts--; restart(c) }
#define PAUSE(c)                                                                                           \
  :: d_step { RUNS(c) && pauses > 0 -> pauses--; p[c].paused = true }                                      \
  :: d_step { p[c].paused -> p[c].paused = false; RESUME_CHECK(c); check_s1() }

/* ---- a pod and a voter ---- */

/* election.ts, takeVote(), and lead.ts, takeRenewal(): counted from when the request was sent. */
#define COUNTED(c, t) (p[c].role == HOLDER && QUORUM(c) || p[c].role == CANDIDATE && p[c].term == t)
inline count(c, v, worth) {
  if
  :: worth > p[c].counts[v] -> p[c].counts[v] = worth
  :: else
  fi;
  if
  :: p[c].role == CANDIDATE && QUORUM(c) -> win(c)
  :: else
  fi;
  check_s1()
}

/* requests.ts, answerLeaseRequest(). */
#define ASKED(c, v, t) (p[c].asked[t] > 0 && RUNS(v) && p[v].role != HOLDER && JUDGE(v, c, t))
#ifdef HOLDER_COUNTS_FROM_RECEIPT
#define WORTH(age) T_H
#else
#define WORTH(age) (T_H + 1 - (age))
#endif
#ifdef LATE_ANSWERS
#ifdef MATCH_ANSWER_TO_NEWEST
#define AGE_OF_ANSWER(c, v) p[c].asked[p[c].term]
#else
#define AGE_OF_ANSWER(c, v) p[c].answer[v]
#endif
/* A new answer takes the place of the one before: it is worth more in every way. */
#define DELIVER(c, v, t)                                                                                   \
  :: d_step { ASKED(c, v, t) ->                                                                            \
              promise(v, c, t);                                                                            \
              if :: p[c].asked[t] < TOO_OLD -> p[c].answer[v] = p[c].asked[t]; p[c].answerTerm[v] = t :: else fi }
#define TAKE_ANSWER(c, v)                                                                                  \
  :: d_step { RUNS(c) && p[c].answer[v] > 0 && COUNTED(c, p[c].answerTerm[v]) ->                           \
              i = WORTH(AGE_OF_ANSWER(c, v));                                                              \
              p[c].answer[v] = 0; p[c].answerTerm[v] = 0;                                                  \
              count(c, v, i); i = 0 }
#else
/* The answer is lost or comes at once. */
#define DELIVER(c, v, t)                                                                                   \
  :: d_step { ASKED(c, v, t) -> promise(v, c, t) }                                                         \
  :: d_step { ASKED(c, v, t) && p[c].asked[t] < TOO_OLD && RUNS(c) && COUNTED(c, t) ->                     \
              promise(v, c, t); count(c, v, WORTH(p[c].asked[t])) }
#define TAKE_ANSWER(c, v)
#endif

/* requests.ts, takeRelease(); lease.ts, release(). */
#ifdef RELEASE_OF_FORMER_LIFE
#define OF_THE_SAME_LIFE(c, v, t) (p[c].released[t] > 0)
#else
#define OF_THE_SAME_LIFE(c, v, t) \
  ((p[c].released[t] & 1) && !p[v].formerLife || (p[c].released[t] & 2) && p[v].formerLife)
#endif
#define DELIVER_RELEASE(c, v, t)                                                                           \
  :: d_step { RUNS(v) && p[v].to == c && p[v].promised <= t && OF_THE_SAME_LIFE(c, v, t) -> forget_grant(v) }

#if MAX_TERM == 1
#define TERMS(WHAT, c) WHAT(c, 1)
#define TERMS_BETWEEN(WHAT, c, v) WHAT(c, v, 1)
#elif MAX_TERM == 2
#define TERMS(WHAT, c) WHAT(c, 1) WHAT(c, 2)
#define TERMS_BETWEEN(WHAT, c, v) WHAT(c, v, 1) WHAT(c, v, 2)
#else
#define TERMS(WHAT, c) WHAT(c, 1) WHAT(c, 2) WHAT(c, 3)
#define TERMS_BETWEEN(WHAT, c, v) WHAT(c, v, 1) WHAT(c, v, 2) WHAT(c, v, 3)
#endif

#define ONE(c) TERMS(CAMPAIGN, c) GIVE_UP(c) TERMS(RENEW, c) STEP_DOWN(c)
#define BETWEEN(c, v) TERMS_BETWEEN(DELIVER, c, v) TERMS_BETWEEN(DELIVER_RELEASE, c, v) TAKE_ANSWER(c, v)

#ifdef THREE_CANDIDATES
#define CANDIDATES(WHAT) WHAT(0) WHAT(1) WHAT(2)
#define LINKS BETWEEN(0, 1) BETWEEN(0, 2) BETWEEN(1, 0) BETWEEN(1, 2) BETWEEN(2, 0) BETWEEN(2, 1)
#else
#define CANDIDATES(WHAT) WHAT(0) WHAT(1)
#define LINKS BETWEEN(0, 1) BETWEEN(0, 2) BETWEEN(1, 0) BETWEEN(1, 2)
#endif

/* Time goes on only when everybody that runs has done what may not wait. */
#define DONE(c) (!RUNS(c) || !p[c].master || VALID(c))

init {
end:
  do
  CANDIDATES(ONE)
  LINKS
  CANDIDATES(PAUSE)
  RESTART(0)
  RESTART(1)
  RESTART(2)
  :: d_step { DONE(0) && DONE(1) && DONE(2) -> tick(); check_s1() }
  od
}
