// Looked up once: in Jest's sandbox a global costs more than the multiplication.
const { imul, floor } = Math;

/** Chance from a seed: mulberry32, good enough for choosing faults and delays, and the same on every machine. */
export class Random {
  #state: number;

  /** @param stream numbers of one seed that must not depend on each other come from different streams */
  constructor(seed: number, stream = 0) {
    this.#state = (imul(seed ^ 0x9e3779b9, 0x85ebca6b) ^ imul(stream + 1, 0xc2b2ae35)) >>> 0;
    for (let i = 0; i < 3; i += 1) this.next();
  }

  /** A number in [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let x = this.#state;
    x = imul(x ^ (x >>> 15), x | 1);
    x ^= x + imul(x ^ (x >>> 7), x | 61);
    return ((x ^ (x >>> 14)) >>> 0) / 4294967296;
  }

  /** A number in [least, most). */
  between(least: number, most: number): number {
    return least + this.next() * (most - least);
  }

  /** A whole number from `least` to `most`, both included. */
  int(least: number, most: number): number {
    return least + floor(this.next() * (most - least + 1));
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<Item>(items: readonly Item[]): Item {
    const item = items[floor(this.next() * items.length)];
    if (item === undefined) throw new RangeError('nothing to pick from');
    return item;
  }

  /** As many hexadecimal digits as in a run id of Redis. */
  id(): string {
    let text = '';
    while (text.length < 40) text += this.int(0, 0xffffffff).toString(16).padStart(8, '0');
    return text;
  }
}
