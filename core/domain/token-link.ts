// Links into the Studio that carry a secret token.

/**
 * The token stands behind the #, which browsers send to no server: no proxy and no log on the way sees it. `publicUrl`
 * is where people reach this instance.
 */
export function tokenLink(publicUrl: string, place: "/reset" | "/invite", token: string): string {
  return new URL(`${place}#${token}`, publicUrl).href;
}
