import winston from 'winston';

export type LogLevel = 'error' | 'warn' | 'info' | 'debug';
export type LogFields = Readonly<Record<string, string | number | boolean | null>>;

/** Where lines for people and log collectors go. Secrets never do. */
export interface Logger {
  log(level: LogLevel, event: string, text: string, fields?: LogFields): void;
}

export interface LoggerOptions {
  readonly level: LogLevel;
  readonly format: 'json' | 'pretty';
  /** Fields that every line carries, such as the pod. */
  readonly fields: LogFields;
}

function prettyLine(info: winston.Logform.TransformableInfo): string {
  const { timestamp, level, event, message, pod, ...rest } = info as Record<string, LogFields[string] | undefined>;
  const details = Object.entries(rest)
    .map(([key, value]) => `${key}=${String(value)}`)
    .join(' ');
  const line = `${String(timestamp)} ${String(level).padEnd(5)} ${String(pod ?? '-')} ${String(event)}: ${String(message)} ${details}`;
  // What others said is part of some texts: it must not look like a line of its own, or colour the terminal.
  return line
    .trimEnd()
    .replace(/(?!\n)\p{Cc}/gu, '')
    .replaceAll('\n', '\n  ');
}

/** Lines go to stderr, so that stdout stays free for what a command was asked for. */
export function createLogger(options: LoggerOptions): Logger {
  const { combine, timestamp, json, printf } = winston.format;
  const logger = winston.createLogger({
    level: options.level,
    defaultMeta: options.fields,
    format: combine(timestamp(), options.format === 'json' ? json() : printf(prettyLine)),
    transports: [new winston.transports.Console({ stderrLevels: ['error', 'warn', 'info', 'debug'] })],
  });
  return {
    log(level, event, text, fields) {
      // winston itself would make the whole line first, and throw it away then.
      if (logger.isLevelEnabled(level)) logger.log({ ...fields, level, message: text, event });
    },
  };
}
