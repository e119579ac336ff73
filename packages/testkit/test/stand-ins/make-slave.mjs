// Stands in for make-slave where the testkit itself is tested: renders limbo, and fails when it is told to.
import { readFileSync, writeFileSync } from 'node:fs';

const flag = (name) => process.argv[process.argv.indexOf(`--${name}`) + 1];

if (process.argv.includes('--fail')) {
  console.error('told to fail');
  process.exit(1);
}
const lines = [`include ${flag('base-config')}`, 'replicaof 127.0.0.1 1', `replica-announce-ip ${flag('pod-ip')}`];
if (process.argv.includes('--redis-password-file')) {
  lines.push(`masterauth ${readFileSync(flag('redis-password-file'), 'utf8').trim()}`);
}
writeFileSync(flag('output'), `${lines.join('\n')}\n`);
console.log(JSON.stringify({ level: 'info', message: 'rendered', argv: process.argv.slice(2) }));
