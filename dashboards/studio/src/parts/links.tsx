// Links of the router in the clothes of the components.
import { Anchor, type AnchorProps, Button, type ButtonProps } from "@mantine/core";
import { createLink } from "@tanstack/react-router";
import { type ComponentPropsWithRef, forwardRef } from "react";

type Own<Props> = Props & Omit<ComponentPropsWithRef<"a">, keyof Props>;

export const TextLink = createLink(
  forwardRef<HTMLAnchorElement, Own<AnchorProps>>(function TextLink(props, ref) {
    return <Anchor ref={ref} underline="always" {...props} />;
  }),
);

export const ButtonLink = createLink(
  forwardRef<HTMLAnchorElement, Own<ButtonProps>>(function ButtonLink(props, ref) {
    return <Button component="a" ref={ref} {...props} />;
  }),
);

/** Marks where one is by `aria-current`, which the router sets. */
export const NavigationLink = createLink(
  forwardRef<HTMLAnchorElement, Own<ButtonProps>>(function NavigationLink(props, ref) {
    const isHere = props["aria-current"] === "page";
    return (
      <Button component="a" ref={ref} variant={isHere ? "filled" : "subtle"} size="compact-sm" {...props} />
    );
  }),
);
