// The second factor: off, being set up, just enabled with its recovery codes, or on.
import { Text } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useMe } from "../queries/use-identity.ts";
import { DisableTotp } from "./disable-totp.tsx";
import { EnableTotp, type TotpSecret } from "./enable-totp.tsx";
import { RecoveryCodes } from "./recovery-codes.tsx";
import { Section } from "./section.tsx";
import { StartTotp } from "./start-totp.tsx";

export function SecondFactor() {
  const me = useMe();
  const client = useQueryClient();
  const [secret, setSecret] = useState<TotpSecret | null>(null);
  const [codes, setCodes] = useState<readonly string[] | null>(null);
  const refresh = () => client.invalidateQueries({ queryKey: ["me"] });
  if (!me.data) return null;
  return (
    <Section title="Second factor">
      {codes && <RecoveryCodes codes={codes} onDone={() => setCodes(null)} />}
      {!codes && me.data.totpEnabled && (
        <>
          <Text size="sm">On: signing in takes a code of your authenticator.</Text>
          <DisableTotp onDone={refresh} />
        </>
      )}
      {!codes && !me.data.totpEnabled && secret && (
        <EnableTotp
          secret={secret}
          onEnabled={(recoveryCodes) => {
            setCodes(recoveryCodes);
            setSecret(null);
            void refresh();
          }}
        />
      )}
      {!codes && !me.data.totpEnabled && !secret && <StartTotp onSecret={setSecret} />}
    </Section>
  );
}
