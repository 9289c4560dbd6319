declare <8 x float> @llvm.fma.v8f32(<8 x float>, <8 x float>, <8 x float>)
declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1)
declare void @llvm.x86.sse.stmxcsr(ptr)
declare void @llvm.x86.sse.ldmxcsr(ptr)

; product, 2 × 16; summed over 3; vectors along axis 1, tiles along axis 0: x, w, b -> maximum
define internal void @k0(ptr %table, ptr %arena, i64 %tid, i64 %threads) nounwind {
entry:
  %p1 = getelementptr inbounds ptr, ptr %table, i64 1
  %p2 = load ptr, ptr %p1, align 8
  %p3 = getelementptr inbounds ptr, ptr %table, i64 2
  %p4 = load ptr, ptr %p3, align 8
  %p5 = getelementptr inbounds ptr, ptr %table, i64 3
  %p6 = load ptr, ptr %p5, align 8
  %p7 = getelementptr inbounds ptr, ptr %table, i64 5
  %p8 = load ptr, ptr %p7, align 8
  %p9 = alloca [96 x float], align 64
  br label %loop10
loop10:
  %i12 = phi i64 [0, %entry], [%v36, %loop10]
  %c13 = phi <8 x float> [splat (float 0x0000000000000000), %entry], [%v30, %loop10]
  %c14 = phi <8 x float> [splat (float 0x0000000000000000), %entry], [%v31, %loop10]
  %c15 = phi <8 x float> [splat (float 0x0000000000000000), %entry], [%v34, %loop10]
  %c16 = phi <8 x float> [splat (float 0x0000000000000000), %entry], [%v35, %loop10]
  %p17 = getelementptr inbounds float, ptr %p2, i64 %i12
  %v18 = load float, ptr %p17, align 4
  %v19 = add i64 %i12, 3
  %p20 = getelementptr inbounds float, ptr %p2, i64 %v19
  %v21 = load float, ptr %p20, align 4
  %v22 = mul i64 %i12, 16
  %p23 = getelementptr inbounds float, ptr %p4, i64 %v22
  %v24 = load <8 x float>, ptr %p23, align 4
  %v25 = add i64 %v22, 8
  %p26 = getelementptr inbounds float, ptr %p4, i64 %v25
  %v27 = load <8 x float>, ptr %p26, align 4
  %p28 = insertelement <8 x float> poison, float %v18, i32 0
  %v29 = shufflevector <8 x float> %p28, <8 x float> poison, <8 x i32> zeroinitializer
  %v30 = call <8 x float> @llvm.fma.v8f32(<8 x float> %v29, <8 x float> %v24, <8 x float> %c13)
  %v31 = call <8 x float> @llvm.fma.v8f32(<8 x float> %v29, <8 x float> %v27, <8 x float> %c14)
  %p32 = insertelement <8 x float> poison, float %v21, i32 0
  %v33 = shufflevector <8 x float> %p32, <8 x float> poison, <8 x i32> zeroinitializer
  %v34 = call <8 x float> @llvm.fma.v8f32(<8 x float> %v33, <8 x float> %v24, <8 x float> %c15)
  %v35 = call <8 x float> @llvm.fma.v8f32(<8 x float> %v33, <8 x float> %v27, <8 x float> %c16)
  %v36 = add i64 %i12, 1
  %v37 = icmp slt i64 %v36, 3
  br i1 %v37, label %loop10, label %done11
done11:
  store <8 x float> %v30, ptr %p9, align 4
  %p38 = getelementptr inbounds float, ptr %p9, i64 8
  store <8 x float> %v31, ptr %p38, align 4
  %p39 = getelementptr inbounds float, ptr %p9, i64 16
  store <8 x float> %v34, ptr %p39, align 4
  %p40 = getelementptr inbounds float, ptr %p9, i64 24
  store <8 x float> %v35, ptr %p40, align 4
  br label %loop41
loop41:
  %i43 = phi i64 [0, %done11], [%v63, %done45]
  br label %loop44
loop44:
  %i46 = phi i64 [0, %loop41], [%v61, %loop44]
  %v47 = mul i64 %i43, 2
  %v48 = add i64 %v47, %i46
  %v49 = mul i64 %v48, 8
  %p50 = getelementptr inbounds float, ptr %p9, i64 %v49
  %v51 = load <8 x float>, ptr %p50, align 4
  %v52 = mul i64 %i46, 8
  %p53 = getelementptr inbounds float, ptr %p6, i64 %v52
  %v54 = load <8 x float>, ptr %p53, align 4
  %v55 = fadd contract <8 x float> %v51, %v54
  %v56 = fcmp ogt <8 x float> splat (float 0x0000000000000000), %v55
  %v57 = select <8 x i1> %v56, <8 x float> splat (float 0x0000000000000000), <8 x float> %v55
  %v58 = mul i64 %i43, 16
  %v59 = add i64 %v58, %v52
  %p60 = getelementptr inbounds float, ptr %p8, i64 %v59
  store <8 x float> %v57, ptr %p60, align 4
  %v61 = add i64 %i46, 1
  %v62 = icmp slt i64 %v61, 2
  br i1 %v62, label %loop44, label %done45
done45:
  %v63 = add i64 %i43, 1
  %v64 = icmp slt i64 %v63, 2
  br i1 %v64, label %loop41, label %done42
done42:
  ret void
}

define internal i64 @step(ptr %table, ptr %arena, i64 %tid, i64 %threads, ptr %sync) nounwind {
entry:
  call void @k0(ptr %table, ptr %arena, i64 %tid, i64 %threads)
  ret i64 1
}

define  void @run(ptr %arena, i64 %tid, i64 %threads, ptr %sync, ptr %args) nounwind {
entry:
  %table = alloca [6 x ptr], align 64
  call void @llvm.memcpy.p0.p0.i64(ptr %table, ptr %args, i64 48, i1 false)
  %p1 = alloca i32, align 4
  %p2 = alloca i32, align 4
  call void @llvm.x86.sse.stmxcsr(ptr %p1)
  %p3 = load i32, ptr %p1, align 4
  %p4 = or i32 %p3, 32832
  store i32 %p4, ptr %p2, align 4
  call void @llvm.x86.sse.ldmxcsr(ptr %p2)
  %ok = call i64 @step(ptr %table, ptr %arena, i64 %tid, i64 %threads, ptr %sync)
  call void @llvm.x86.sse.ldmxcsr(ptr %p1)
  ret void
}

