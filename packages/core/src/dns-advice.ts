/** DNS has answered, and has nobody for the Service. @param text what the resolver said */
export const saysNobody = (text: string): boolean => /\bE(NOTFOUND|NODATA)\b/.test(text);

/** What to look at when DNS has nobody for the Service, or does not answer. @param text what the resolver said */
export function dnsAdvice(text: string): string {
  return saysNobody(text)
    ? 'does the Service exist, is it headless (clusterIP: None), does its selector match the labels of the pods, and has it publishNotReadyAddresses: true?'
    : 'does DNS answer at all, and does the NetworkPolicy let port 53 (UDP and TCP) out?';
}
