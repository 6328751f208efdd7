// Whether the screen that is shown is on its way out: the router is already going to another address.
import { useLocation, useRouterState } from "@tanstack/react-router";
import { useEffect, useState } from "react";

/**
 * True from the click on until the next screen is there, which takes a moment where the network or the machine is slow.
 * A change of the search or the hash leaves no screen.
 */
export function useLeaving(): boolean {
  const going = useLocation({ select: ({ pathname }) => pathname });
  const arrived = useRouterState({ select: ({ resolvedLocation }) => resolvedLocation?.pathname });
  const [own, setOwn] = useState(going);
  useEffect(() => {
    // The same screen may stay for another address, as from one execution to its retry.
    if (arrived === going) setOwn(going);
  }, [arrived, going]);
  return going !== own;
}
