/**
 * Regular expressions whose cost is known before they are used: of those that operators write, the ones that take time in
 * proportion to the text, whatever the text. The platform's engine tries again what did not fit; what it can try here is
 * counted, and a pattern that lets it try too much is refused.
 */
export interface BoundedPattern {
  readonly regex: RegExp;
}

/** Steps that may be taken from one place of a text. */
const MOST_STEPS = 2_000;
/** Characters of a pattern, groups within one another, and times that something may be repeated. */
const LONGEST = 500;
const DEEPEST = 8;
const MOST_TIMES = 1_000;

export class PatternFault extends Error {}

const refuse = (why: string) => new PatternFault(why);

/** What matching a part may take. */
interface Cost {
  /** Ways in which it may be matched from one place. */
  readonly ways: number;
  /** Characters that it matches at most, besides what is repeated without end. */
  readonly length: number;
  /** Parts that are repeated without end. */
  readonly endless: number;
  readonly isOneCharacter: boolean;
  /** Whether it begins at the beginning of the text. */
  readonly isAnchored: boolean;
}

const NOTHING: Cost = { ways: 1, length: 0, endless: 0, isOneCharacter: false, isAnchored: false };
const CHARACTER: Cost = { ...NOTHING, length: 1, isOneCharacter: true };

const CLASS = /\[\^?(?:\\(?:u\{[0-9A-Fa-f]{1,6}\}|u[0-9A-Fa-f]{4}|[pP]\{[A-Za-z_=]{1,64}\}|[^upP])|[^\]\\])*\]/y;
const ESCAPED = /\\(?:u\{[0-9A-Fa-f]{1,6}\}|u[0-9A-Fa-f]{4}|[pP]\{[A-Za-z_=]{1,64}\}|[dDwWsStnrfv0]|[^\w])/y;
const QUANTIFIER = /(?:([?*+])|\{(\d{1,4})(?:(,)(\d{1,4})?)?\})\??/y;

class Reader {
  readonly #text: string;
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  whole(): Cost {
    const cost = this.#alternatives();
    if (this.#at < this.#text.length) throw refuse('a bracket closes that does not open');
    return cost;
  }

  #alternatives(): Cost {
    const all = [this.#sequence()];
    while (this.#text[this.#at] === '|') {
      this.#at += 1;
      all.push(this.#sequence());
    }
    const [only, ...others] = all;
    if (only !== undefined && others.length === 0) return only;
    return {
      ways: all.reduce((sum, { ways }) => sum + ways, 0),
      length: Math.max(...all.map(({ length }) => length)),
      endless: Math.max(...all.map(({ endless }) => endless)),
      isOneCharacter: false,
      isAnchored: all.every(({ isAnchored }) => isAnchored),
    };
  }

  #sequence(): Cost {
    let cost = NOTHING;
    let isFirst = true;
    while (this.#at < this.#text.length && !'|)'.includes(this.#text[this.#at] ?? '')) {
      const next = this.#repeated(this.#part());
      cost = {
        ways: cost.ways * next.ways,
        length: cost.length + next.length,
        endless: cost.endless + next.endless,
        isOneCharacter: isFirst && next.isOneCharacter,
        isAnchored: isFirst ? next.isAnchored : cost.isAnchored,
      };
      isFirst = false;
    }
    return cost;
  }

  #part(): Cost {
    const character = this.#text[this.#at] ?? '';
    if (character === '^' || character === '$') {
      this.#at += 1;
      return { ...NOTHING, isAnchored: character === '^' };
    }
    if (character === '(') return this.#group();
    if ('*+?{}]'.includes(character)) throw refuse(`"${character}" repeats nothing: a character itself is written \\${character}`);
    if (character === '[') return this.#taken(CLASS, 'has a class that does not end, or holds what is not known');
    if (character === '\\') return this.#taken(ESCAPED, 'has an escape that is not known here: neither \\b nor \\1 are');
    this.#at += (this.#text.codePointAt(this.#at) ?? 0) > 0xffff ? 2 : 1;
    return CHARACTER;
  }

  #taken(pattern: RegExp, fault: string): Cost {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0];
    if (found === undefined) throw refuse(fault);
    this.#at += found.length;
    return CHARACTER;
  }

  #group(): Cost {
    if (++this.#depth > DEEPEST) throw refuse(`has groups more than ${DEEPEST} deep`);
    this.#at += 1;
    if (this.#text.startsWith('?:', this.#at)) this.#at += 2;
    else if (this.#text[this.#at] === '?') throw refuse('looks ahead or behind, or names a group, which is not known here');
    const inside = this.#alternatives();
    if (this.#text[this.#at] !== ')') throw refuse('has a bracket that does not close');
    this.#at += 1;
    this.#depth -= 1;
    return { ...inside, isOneCharacter: false };
  }

  #repeated(part: Cost): Cost {
    QUANTIFIER.lastIndex = this.#at;
    const found = QUANTIFIER.exec(this.#text);
    if (found === null) return part;
    const [whole, sign, from, comma, to] = found;
    this.#at += whole.length;
    if (part.length === 0 && part.endless === 0) throw refuse('repeats what has no length');
    const least = sign === undefined ? Number(from) : sign === '+' ? 1 : 0;
    const most =
      sign === undefined
        ? comma === undefined
          ? least
          : to === undefined
            ? Number.POSITIVE_INFINITY
            : Number(to)
        : sign === '?'
          ? 1
          : Number.POSITIVE_INFINITY;
    if (most < least || least > MOST_TIMES) throw refuse(`repeats something ${least} times`);
    if (most === Number.POSITIVE_INFINITY) {
      if (!part.isOneCharacter) throw refuse('repeats a group without end: give it a number, as in (?:ab){1,9}');
      return { ...NOTHING, length: least, endless: 1 };
    }
    if (part.endless > 0) throw refuse('repeats what is repeated without end');
    const ways = (most - least + 1) * part.ways ** most;
    return { ways, length: part.length * most, endless: 0, isOneCharacter: false, isAnchored: false };
  }
}

/** Throws `PatternFault` for what is no pattern, or takes too long. */
export function boundedPattern(text: string, options: { readonly flags?: string } = {}): BoundedPattern {
  if (text.length === 0 || text.length > LONGEST) throw refuse(`is empty, or longer than ${LONGEST} characters`);
  const { ways, length, endless, isAnchored } = new Reader(text).whole();
  if (endless > 1) throw refuse('repeats more than one thing without end: give all but one a number, as in [a-z]{1,64}');
  if (endless > 0 && !isAnchored)
    throw refuse('repeats something without end and may begin anywhere: let it begin with ^, or write a number as in [a-z]{1,64}');
  if (!(ways * Math.max(1, length) <= MOST_STEPS)) throw refuse('can be matched in too many ways: shorter repetitions, or fewer of them');
  try {
    return { regex: new RegExp(text, options.flags ?? 'u') };
  } catch (cause) {
    throw new PatternFault('is no regular expression', { cause });
  }
}

/** What is wrong with a pattern; `undefined` where nothing is. */
export function patternFault(text: string): string | undefined {
  try {
    boundedPattern(text);
    return undefined;
  } catch (thrown) {
    return thrown instanceof PatternFault ? thrown.message : 'is no regular expression';
  }
}
