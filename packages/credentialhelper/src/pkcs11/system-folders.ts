const TRIPLETS: Readonly<Record<string, string>> = {
  arm: 'arm-linux-gnueabihf',
  arm64: 'aarch64-linux-gnu',
  ia32: 'i386-linux-gnu',
  ppc64: 'powerpc64le-linux-gnu',
  riscv64: 'riscv64-linux-gnu',
  s390x: 's390x-linux-gnu',
  x64: 'x86_64-linux-gnu',
};

/** The library folders of operating systems, for this processor architecture. */
export function systemLibraryFolders(): readonly string[] {
  return [
    `/usr/lib/${TRIPLETS[process.arch]}`, // Debian, Ubuntu
    '/usr/lib64', // Fedora, RHEL, openSUSE
    '/usr/lib', // Alpine, Arch, Yocto
    '/usr/local/lib',
    '/opt/homebrew/lib', // macOS
  ];
}
